"""What each worker of the uplink family is for, and which facilities it reads."""

from collections.abc import Mapping

ERRAND = "errand"
"""In a worker's target."""

KERNEL, PROBES, DISKS = "kernel", "probes", "disks"

FACILITIES: Mapping[str, tuple[str, ...]] = {
    KERNEL: ("config", "interfaces", "limiters", "pods"),
    PROBES: ("tcp_probes", "icmp_probes"),
    DISKS: ("disks",),
}
