"""Rendered pods as processes: what a kubelet, kube-proxy and a container runtime make of them.

A pod that the real controllers and scheduler have placed runs with the command, flags, environment,
service account's token and volumes that its object says, at the paths it says, in a network and a
root filesystem of its own; its user, capabilities and read-only root are the kernel's to enforce.
The programs are this checkout's in the place of the images'.

Not played: namespaces of processes and users, seccomp, limits of CPU and memory, probes after the
first that succeeds, and volumes and tokens that change while a pod runs. A field of a volume or
security context that is not played is refused.
"""

from testbed.pods.kubelet import Kubelet
from testbed.pods.machine import Machine
from testbed.pods.network import Network

__all__ = ["Kubelet", "Machine", "Network"]
