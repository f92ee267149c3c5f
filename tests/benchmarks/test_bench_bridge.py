"""The bridge on 5,000 nodes: at rest, from a webhook to the taint, and when all fail at once.

etcd, kube-apiserver, Prometheus and Alertmanager are real and share the machine's cores with the
bridge, and with whatever else runs there: wall time is told with the load average, and with the
processor time that each server took. Nodes are as large as kubelets make them, and tell their
status every five minutes.
"""

import itertools
import os
import random
import statistics
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from health_bridge.cluster.store import WatchedFleet
from testbed.waiting import wait_until
from tests.health_bridge import fleets
from tests.health_bridge.site import Bridge, Site, bridge, running_site

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(1800)]

NODES = 5_000
MORE = 8_000
"""Bytes of a node beside what the tests' nodes have."""
HEARTBEAT = 300.0
REST = 90.0
"""Seconds for which the bridge is watched at rest."""
HINTS = 100
FLAGS = ("--interval=15s", "--timeout=10s", "--blind-grace=5m", "--budget.avoid=100%")
"""As by default, but that it may taint every node."""
COLLECTOR = "400"
"""GOGC of the servers, which collect a fifth of their time as they come: they have memory to spare
here, and share two cores with the bridge."""


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GOGC", COLLECTOR)
        yield from _site()


def _site() -> Iterator[Site]:
    with running_site(interval="5s") as running:
        fleets.add_fleet(running, "fleet", NODES, MORE)
        yield running


@pytest.fixture(scope="module")
def process(site: Site) -> Iterator[Bridge]:
    """A bridge that has written both conditions on every node."""
    with bridge(site, "fleet", *FLAGS) as running:
        wait_until(lambda: steps(running, "set_condition") >= 2 * NODES, within=300, every=1.0)
        yield running


def processors(site: Site, process: Bridge) -> dict[str, float]:
    """Return the processor time that each of the servers has taken, in seconds."""
    servers = {
        "bridge": process,
        "kube-apiserver": site.cluster.apiserver.process,
        "etcd": site.cluster.etcd.process,
        "prometheus": site.prometheus.process,
    }
    return {name: fleets.cpu_seconds(each) for name, each in servers.items()}


def steps(process: Bridge, kind: str) -> float:
    return process.metric(f'railwatch_bridge_steps_total{{kind="{kind}"}}') or 0.0


@contextmanager
def kubelets(site: Site) -> Iterator[None]:
    """Let every node tell its status once in five minutes."""
    ended = threading.Event()

    def tell() -> None:
        for turn in itertools.count():
            if ended.wait(HEARTBEAT / NODES):
                return
            fleets.beat(site, f"fleet-{turn % NODES:04}")

    thread = threading.Thread(target=tell)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def test_at_rest(benchmark: BenchmarkFixture, site: Site, process: Bridge) -> None:
    def rest() -> float:
        began = fleets.cpu_seconds(process)
        time.sleep(REST)
        return (fleets.cpu_seconds(process) - began) / REST

    with kubelets(site):
        time.sleep(20)
        share = benchmark.pedantic(rest, rounds=1)  # type: ignore[no-untyped-call] # the library's gap

    memory = fleets.resident(process)
    benchmark.extra_info |= {"core": share, "MiB": memory}
    print(f"\n{NODES} nodes at rest: {share:.2%} of a core, {memory:.0f} MiB resident")
    assert steps(process, "set_taint") == 0


def is_told(name: str, fleet: WatchedFleet) -> bool:
    """Whether condition and taint of a node are written."""
    (node,) = (each for each in fleet.nodes() if each.name == name)
    return fleets.said(node) == "True" and fleets.is_tainted(node)


def test_from_webhook_to_taint(benchmark: BenchmarkFixture, site: Site, process: Bridge) -> None:
    taken: list[float] = []

    def hint(name: str, fleet: WatchedFleet) -> None:
        site.post_alert(
            {
                "fault": "GpuFellOffBus",
                "condition": "GpuUnavailable",
                "verdict": "avoid",
                "scope": "gpu",
                "node": name,
                "uuid": f"GPU-{name}",
            }
        )
        time.sleep(random.Random(name).uniform(0.1, 0.5))
        began = time.monotonic()
        process.client.request(
            "POST", "/api/v1/webhook", body="{}", content_type="application/json"
        )
        wait_until(lambda: is_told(name, fleet), every=0.005)
        taken.append(time.monotonic() - began)

    def all_hints() -> None:
        with fleets.watched(site, "fleet") as fleet:
            for number in range(HINTS):
                hint(f"fleet-{number:04}", fleet)

    benchmark.pedantic(all_hints, rounds=1)  # type: ignore[no-untyped-call] # the library's gap

    p50, p99 = (statistics.quantiles(taken, n=100)[at] for at in (49, 98))
    benchmark.extra_info |= {"p50": p50, "p99": p99}
    print(
        f"\nwebhook to condition and taint on {NODES} nodes: "
        f"p50 {p50 * 1000:.0f} ms, p99 {p99 * 1000:.0f} ms; load {os.getloadavg()[0]:.1f}"
    )
    assert len(taken) == HINTS


def test_a_storm(benchmark: BenchmarkFixture, site: Site, process: Bridge) -> None:
    names = [f"fleet-{number:04}" for number in range(HINTS, NODES)]
    before = steps(process, "set_taint")
    site.exporters.lose_gpus(names)
    wait_until(lambda: steps(process, "set_taint") > before)

    spent: dict[str, float] = {}

    def storm() -> float:
        spent.update(processors(site, process))
        began, known = time.monotonic(), steps(process, "set_taint")
        wait_until(
            lambda: steps(process, "set_taint") >= before + len(names), within=900, every=1.0
        )
        return (len(names) - known + before) / (time.monotonic() - began)

    rate = benchmark.pedantic(storm, rounds=1)  # type: ignore[no-untyped-call] # the library's gap

    memory = fleets.resident(process)
    each = {
        name: (seconds - spent[name]) / len(names) * 1000
        for name, seconds in processors(site, process).items()
    }
    benchmark.extra_info |= {"nodes_per_second": rate, "MiB": memory, "ms_a_node": each}
    said = ", ".join(f"{name} {milliseconds:.1f}" for name, milliseconds in each.items())
    print(
        f"\nstorm of {len(names)} nodes: {rate:.0f} nodes/s, {memory:.0f} MiB resident; "
        f"ms of a core a node: {said}; load {os.getloadavg()[0]:.1f}"
    )
    found = {node["metadata"]["name"]: node for node in fleets.documents(site, "fleet")}
    assert all(fleets.condition(found[name], "GpuUnavailable") == "True" for name in names)
    assert all(fleets.condition(found[name], "Ready") == "True" for name in names)
