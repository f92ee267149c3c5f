"""Which node, and which of its GPUs, a pod is best put on. Pure; arrays over all nodes at once."""
