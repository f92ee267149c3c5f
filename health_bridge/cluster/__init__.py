"""The kube-apiserver: what the bridge reads there, and how it writes."""
