"""Faults of dedicated lines between sites, and of what hangs on them."""
