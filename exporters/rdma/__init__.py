"""RDMA ports of every kind, from sysfs: one file a facility."""
