"""Faults of the programs around railwatch; silent where these do not run, and for people only."""
