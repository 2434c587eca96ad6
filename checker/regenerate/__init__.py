"""Make the reference model again, from nothing: what ``checker regenerate`` runs."""
