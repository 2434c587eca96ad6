"""Answers of earlier checks at the desk, kept for as long as nothing changes that they rest on."""
