"""RDMA ports of every kind, from sysfs, ethtool and netlink: one file a facility."""
