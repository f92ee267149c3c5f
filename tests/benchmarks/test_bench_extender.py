"""What one pod costs the extender on a cluster of 5,000 nodes: one filter and one prioritize.

Over HTTP, client and server share one interpreter, so that the client's part counts as well.
"""

import contextlib
import http.client
import itertools
import json
import random
from collections.abc import Iterator
from typing import Any

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from catalog.wire import DeviceFault, dump_devices
from program.web import Request, WebServer
from program.webconfig import WebConfig
from scheduler_feedback.cache import NodeCache
from scheduler_feedback.extender import Extender
from scheduler_feedback.metrics import Metrics
from scheduler_feedback.placement.desk import Desk
from scheduler_feedback.placement.prefer import Namespaces
from scheduler_feedback.placement.roster import Roster
from scheduler_feedback.placement.stock import Stock
from scheduler_feedback.protocol import MAX_BODY
from scheduler_feedback.server import routes
from scheduler_feedback.share.names import Names

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


def body(names: list[str]) -> bytes:
    """Return what kube-scheduler sends for one pod, byte for byte as Go writes it."""
    pod = {
        "metadata": {"name": "rank-0", "namespace": "train"},
        "spec": {"tolerations": [{"key": "nvidia.com/gpu", "operator": "Exists"}]},
    }
    asked = {"Pod": pod, "Nodes": None, "NodeNames": names}
    return json.dumps(asked, separators=(",", ":")).encode()


def request(names: list[str]) -> Request:
    return Request(method="POST", path="/", query={}, headers={}, body=body(names))


@pytest.fixture(scope="module")
def nodes() -> NodeCache:
    cache = NodeCache(stale_after=3600)
    cache.replace(node(number) for number in range(NODES))
    return cache


@pytest.fixture(scope="module")
def extender(nodes: NodeCache) -> Extender:
    return Extender(nodes, Metrics(nodes))


@pytest.fixture(scope="module")
def names() -> list[str]:
    """In no order: kube-scheduler's own filters run in parallel."""
    names = [f"gpu-{number:05}.cluster.example" for number in range(NODES)]
    random.Random(7).shuffle(names)
    return names


def test_filter_5000_names(
    benchmark: BenchmarkFixture, extender: Extender, names: list[str]
) -> None:
    asked = request(names)

    answer = benchmark(lambda: extender.filter(asked))

    assert len(json.loads(answer.body)["NodeNames"]) == NODES - 100


def test_prioritize_5000_names(
    benchmark: BenchmarkFixture, extender: Extender, names: list[str]
) -> None:
    asked = request(names)

    answer = benchmark(lambda: extender.prioritize(asked))

    assert {entry["Score"] for entry in json.loads(answer.body)} < {*range(-10, 0)}


def test_both_for_one_pod_as_kube_scheduler_asks(
    benchmark: BenchmarkFixture, extender: Extender, names: list[str]
) -> None:
    whole = request(names)
    fitting = request(json.loads(extender.filter(whole).body)["NodeNames"])

    def one_pod() -> bytes:
        extender.filter(whole)
        return extender.prioritize(fitting).body

    ranked = benchmark(one_pod)

    assert 100 <= len(json.loads(ranked)) < NODES // 2


def sized(number: int) -> dict[str, Any]:
    """Return a node with GPUs and a place in the network."""
    made = node(number)
    tiers = (number // 16, number // 256, 0)
    labels = {f"topology.railwatch.io/tier-{n}": f"d-{tier}" for n, tier in enumerate(tiers)}
    made["metadata"]["labels"] = {**labels, "pool": ("own", "leased")[number % 2]}
    amounts = {"nvidia.com/gpu": "8", "cpu": "128", "memory": "1Ti", "pods": "110"}
    made["status"] = {"allocatable": amounts, "capacity": amounts}
    return made


def rank(number: int, name: str, gpus: int) -> dict[str, Any]:
    """Return a pod of a gang of 16."""
    meta = {"name": name, "namespace": "train", "uid": name}
    labels = {"railwatch.io/gang": f"g-{number // 16}"}
    limits = {"nvidia.com/gpu": str(gpus), "cpu": "8", "memory": "64Gi"}
    spec = {"containers": [{"resources": {"limits": limits}}]}
    return {"metadata": {**meta, "labels": labels}, "spec": spec, "status": {}}


def placed(number: int) -> dict[str, Any]:
    """Return one of four pods on each node; on every third node GPUs are idle."""
    on = number // 4
    made = rank(number, f"pod-{number}", 2 if on % 3 else 1)
    made["spec"]["nodeName"] = f"gpu-{on:05}.cluster.example"
    return made


@pytest.fixture(scope="module")
def knowing() -> tuple[Extender, Stock]:
    """An extender that knows 5,000 nodes and 20,000 pods, and prefers pool, place and policy."""
    roster = Roster(Names(), pool_label="pool", pools=("own", "leased"))
    cache = NodeCache(stale_after=3600, roster=roster)
    cache.replace(sized(number) for number in range(NODES))
    stock = Stock(roster, Names(), stale_after=3600)
    stock.replace(placed(number) for number in range(4 * NODES))
    desk = Desk(stock, Namespaces(), Names(), policy="fragmentation")
    return Extender(cache, Metrics(cache), desk=desk), stock


def test_both_for_one_rank_of_a_gang_among_20000_pods(
    benchmark: BenchmarkFixture, knowing: tuple[Extender, Stock], names: list[str]
) -> None:
    """One pod more is bound each time, so that the policy's scores must follow."""
    extender, stock = knowing
    document = {"Pod": rank(7, "next", 1), "Nodes": None, "NodeNames": names}
    asked = json.dumps(document, separators=(",", ":")).encode()
    whole = Request(method="POST", path="/", query={}, headers={}, body=asked)
    passed = json.loads(extender.filter(whole).body)["NodeNames"]
    document["NodeNames"] = passed
    fitting = json.dumps(document, separators=(",", ":")).encode()
    ranked = Request(method="POST", path="/", query={}, headers={}, body=fitting)
    numbers = itertools.count(4 * NODES)

    def one_pod() -> bytes:
        number = next(numbers)
        made = placed(number % (4 * NODES))
        made["metadata"]["uid"] = f"more-{number}"
        stock.put(made)
        extender.filter(whole)
        return extender.prioritize(ranked).body

    entries = json.loads(benchmark(one_pod))

    assert 0 < len(entries) < len(passed)
    assert 1 in {entry["Score"] for entry in entries}


@pytest.fixture(scope="module")
def connection(nodes: NodeCache) -> Iterator[http.client.HTTPConnection]:
    """Connect once, as kube-scheduler does, to the program's own web server."""
    made = routes(nodes, Metrics(nodes), trouble=str, dead=list)
    server = WebServer(made, "127.0.0.1:0", WebConfig(), max_body=MAX_BODY)
    server.start()
    with contextlib.closing(http.client.HTTPConnection("127.0.0.1", server.port)) as connected:
        yield connected
    server.stop()


@pytest.mark.parametrize("verb", ["filter", "prioritize"])
def test_over_http(
    benchmark: BenchmarkFixture,
    connection: http.client.HTTPConnection,
    names: list[str],
    verb: str,
) -> None:
    asked = body(names)

    def ask() -> bytes:
        connection.request("POST", f"/{verb}", asked)
        return connection.getresponse().read()

    answer = json.loads(benchmark(ask))

    assert len(answer if verb == "prioritize" else answer["NodeNames"]) >= 100
