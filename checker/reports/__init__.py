"""Reports: each is a pure function of a result."""
