"""Many nodes at once, and what a process costs that looks at them."""

import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from health_bridge.cluster.kube import connect
from health_bridge.cluster.store import WatchedFleet
from health_bridge.connection import Connection
from health_bridge.decision.nodes import Keys, Node
from testbed.processes import Process
from testbed.servers.cluster import node_object
from tests.health_bridge.site import Bridge, Site

_TICKS = os.sysconf("SC_CLK_TCK")


def fleet_node(name: str, group: str, more: int = 0) -> dict[str, Any]:
    """Return a Ready node with so many bytes of other things as kubelets tell, such as images."""
    node = node_object(name, gpus=8, labels={"test": group})
    images = [
        {"names": [f"registry.example/{index:03}@sha256:{index:064}"], "sizeBytes": index}
        for index in range(more // 128)
    ]
    ready = {"type": "Ready", "status": "True", "reason": "KubeletReady", "message": ""}
    node["status"] |= {"conditions": [ready], "images": images}
    return node


def add_fleet(site: Site, group: str, count: int, more: int = 0) -> list[str]:
    """Register nodes, Ready from the start, with exporters that find all well."""
    names = [f"{group}-{number:04}" for number in range(count)]
    site.exporters.start_all(names)
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda n: site.cluster.api.create(fleet_node(n, group, more)), names))
    return names


def beat(site: Site, name: str) -> None:
    """Let a node's kubelet tell its status, as it does every five minutes if nothing changes."""
    site.cluster.api.merge(
        f"/api/v1/nodes/{name}/status",
        {"status": {"nodeInfo": {"kernelVersion": os.urandom(4).hex()}}},
    )


def documents(site: Site, group: str) -> list[dict[str, Any]]:
    """Return the Node objects of a group."""
    return site.cluster.api.items(f"/api/v1/nodes?labelSelector=test%3D{group}")


@contextmanager
def watched(site: Site, group: str) -> Iterator[WatchedFleet]:
    """Follow the nodes of a group: to ask for thousands again and again would cost the servers."""
    kube = connect(Connection(kubeconfig=str(site.cluster.kubeconfig), timeout=60))
    fleet = WatchedFleet(kube, Keys(), selector=f"test={group}", stale_after=300)
    fleet.start()
    fleet.nodes()
    try:
        yield fleet
    finally:
        fleet.stop()


def said(node: Node, kind: str = "GpuUnavailable") -> str | None:
    """Return the status of a followed node's condition."""
    known = node.conditions.get(kind)
    return known.status if known else None


def is_tainted(node: Node) -> bool:
    """Whether a followed node has a taint of ours."""
    return any(taint.key.startswith("railwatch.io/") for taint in node.taints)


def condition(node: dict[str, Any], kind: str) -> str | None:
    """Return the status of a node's condition."""
    found: Sequence[dict[str, str]] = node["status"]["conditions"]
    return next((each["status"] for each in found if each["type"] == kind), None)


def cpu_seconds(process: Process) -> float:
    """Return the processor time that a process has taken, in itself and in the kernel."""
    fields = Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


def resident(process: Bridge) -> float:
    """Return the resident memory of a process, in MiB."""
    lines = Path(f"/proc/{process.pid}/status").read_text().splitlines()
    (line,) = (each for each in lines if each.startswith("VmRSS:"))
    return int(line.split()[1]) / 1024
