"""A module a stage: what its probe is given, how long it may take, and the evidence made of its answer."""
