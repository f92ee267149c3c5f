"""Faults of GPUs."""
