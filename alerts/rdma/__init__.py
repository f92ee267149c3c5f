"""Faults of RDMA ports and their links."""
