"""Publishes where nodes are in the network, for every scheduler that the cluster runs."""
