"""What one pod costs the extender on a cluster of 5,000 nodes: one filter and one prioritize."""

import json
from typing import Any

from pytest_benchmark.fixture import BenchmarkFixture

from catalog.wire import DeviceFault, dump_devices
from program.web import Request
from scheduler_feedback.cache import NodeCache
from scheduler_feedback.extender import Extender
from scheduler_feedback.metrics import Metrics

NODES = 5_000


def node(number: int) -> dict[str, Any]:
    """Return a node; every 50th is draining, every 20th has a withheld fault."""
    metadata: dict[str, Any] = {"name": f"gpu-{number:05}.cluster.example", "uid": str(number)}
    if number % 50 == 0:
        taint = {"key": "railwatch.io/gpu-unavailable", "value": "drain", "effect": "NoSchedule"}
        return {"metadata": metadata, "spec": {"taints": [taint]}}
    if number % 20 == 0:
        fault = DeviceFault(
            device="GPU-1",
            name="gpu-1",
            condition="GpuMemoryFault",
            verdict="drain",
            action="withheld",
            fault="GpuMemoryUncorrectable",
            since="2026-11-01T00:00:00Z",
        )
        metadata["annotations"] = {"railwatch.io/devices": dump_devices([fault])}
    return {"metadata": metadata}


def request(names: list[str]) -> Request:
    """Return what kube-scheduler sends for one pod."""
    pod = {
        "metadata": {"name": "rank-0", "namespace": "train"},
        "spec": {"tolerations": [{"key": "nvidia.com/gpu", "operator": "Exists"}]},
    }
    body = json.dumps({"Pod": pod, "Nodes": None, "NodeNames": names}).encode()
    return Request(method="POST", path="/", query={}, headers={}, body=body)


def test_filter_and_prioritize_5000_names(benchmark: BenchmarkFixture) -> None:
    cache = NodeCache(stale_after=3600)
    cache.replace(node(number) for number in range(NODES))
    extender = Extender(cache, Metrics(cache))
    names = [f"gpu-{number:05}.cluster.example" for number in range(NODES)]
    whole, fitting = request(names), request([n for i, n in enumerate(names) if i % 50])

    def one_pod() -> tuple[bytes, bytes]:
        return extender.filter(whole).body, extender.prioritize(fitting).body

    filtered, ranked = benchmark(one_pod)

    assert len(json.loads(filtered)["NodeNames"]) == NODES - 100
    assert len(json.loads(ranked)) == NODES - 100
