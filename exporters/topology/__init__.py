"""Where the node's GPUs and NICs stand: on the PCI bus, and in the network."""
