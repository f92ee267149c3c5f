"""Faults of the monitoring itself; they are for people, and nothing acts on them."""
