"""Failure mode 32: a fleet of 5,000 nodes at rest, all faulty at once, blind, and recovered.

Nodes are objects as large as kubelets make them, without kubelets: their heartbeats go to Leases,
which the bridge never reads. How fast it is, tests/benchmarks/test_bench_bridge.py measures.
"""

import os
import re
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from health_bridge.cluster.store import WatchedFleet
from health_bridge.latency import quantile
from testbed.waiting import wait_until
from tests.health_bridge import fleets
from tests.health_bridge.site import PROOFS, Bridge, Site, bridge, running_site

pytestmark = [pytest.mark.cluster, pytest.mark.slow, pytest.mark.timeout(3600)]

NODES = 5_000
MORE = 8_000
BUDGET = 500
GRANTED = 512
"""MiB: the limit in deploy/bridge/deployment.yaml."""
_BUCKET = re.compile(
    r"railwatch_bridge_fault_latency_seconds_bucket"
    r'\{hop="(?P<hop>\w+)",le="(?P<le>[^"]+)"\} (?P<count>\S+)'
)
CYCLES = "railwatch_bridge_cycle_duration_seconds_count"
LOOKBACK = ("--query.lookback-delta=30s",)
"""For so long, and by default for 5 minutes, a Prometheus that comes back still tells the alerts of
before, and nothing is proven."""
FLAGS = ("--interval=10s", "--timeout=30s", "--blind-grace=30s", f"--budget.fleet={BUDGET}")


@pytest.fixture
def slower(tmp_path: Path) -> Path:
    """The proofs, over windows in which a scrape each five seconds shows itself."""
    text = PROOFS.read_text(encoding="utf-8")
    path = tmp_path / "proofs.yaml"
    path.write_text(text.replace("[2s]", "[15s]").replace(">= 4", ">= 2"), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    with running_site(interval="5s", flags=LOOKBACK) as running:
        fleets.add_fleet(running, "fleet", NODES, MORE)
        yield running


@pytest.fixture
def fleet(site: Site) -> Iterator[WatchedFleet]:
    with fleets.watched(site, "fleet") as following:
        yield following


def told(fleet: WatchedFleet) -> Counter[str | None]:
    """Count the nodes by what the condition says."""
    return Counter(map(fleets.said, fleet.nodes()))


def tainted(fleet: WatchedFleet) -> int:
    return sum(map(fleets.is_tainted, fleet.nodes()))


def versions(fleet: WatchedFleet) -> dict[str, str]:
    return {node.name: node.version for node in fleet.nodes()}


def until_all(fleet: WatchedFleet, status: str) -> None:
    wait_until(
        lambda: told(fleet)[status] == NODES,
        within=600,
        what=f"all {NODES} are {status}",
        every=0.5,
    )


def rest(process: Bridge, cycles: int = 3) -> None:
    before = process.metric(CYCLES) or 0
    wait_until(lambda: (process.metric(CYCLES) or 0) >= before + cycles, within=600, every=1.0)


def latency(process: Bridge) -> str:
    """Return how long the hops of most and of nearly all new faults took, at most."""
    hops: dict[str, list[tuple[float, float]]] = {}
    for line in process.get("/metrics").text.splitlines():
        if found := _BUCKET.fullmatch(line):
            hops.setdefault(found["hop"], []).append((float(found["le"]), float(found["count"])))
    return ", ".join(
        f"{hop} {quantile(buckets, 0.5)}/{quantile(buckets, 0.99)} s"
        for hop, buckets in hops.items()
    )


def storm(site: Site, fleet: WatchedFleet) -> float:
    """Let a GPU of every node be lost; return how many nodes a second were told."""
    site.exporters.lose_gpus([node.name for node in fleet.nodes()])
    wait_until(lambda: told(fleet)["True"], within=300, every=0.05)
    known, began = told(fleet)["True"], time.monotonic()
    until_all(fleet, "True")
    return (NODES - known) / (time.monotonic() - began)


def recover(site: Site, fleet: WatchedFleet) -> float:
    """Let every node be repaired; return how many a second were given back."""
    names = [node.name for node in fleet.nodes()]
    site.exporters.start_all(names)
    site.exporters.reboot_all(names)
    wait_until(lambda: told(fleet)["False"], within=300, every=0.05)
    known, began = told(fleet)["False"], time.monotonic()
    until_all(fleet, "False")
    rate = (NODES - known) / (time.monotonic() - began)
    wait_until(lambda: tainted(fleet) == 0, within=300, every=0.5)
    return rate


def test_32_five_thousand_nodes_at_rest_in_a_storm_blind_and_recovered(
    site: Site, fleet: WatchedFleet, slower: Path
) -> None:
    with bridge(site, "fleet", *FLAGS, f"--proofs.file={slower}") as process:
        until_all(fleet, "False")
        rest(process)
        before, began = versions(fleet), fleets.cpu_seconds(process)
        at = time.monotonic()
        rest(process)
        share = (fleets.cpu_seconds(process) - began) / (time.monotonic() - at)
        calm = versions(fleet)
        memory = [fleets.resident(process)]

        written = storm(site, fleet)
        rest(process)
        hops = latency(process)
        memory.append(fleets.resident(process))
        taken = tainted(fleet)
        withheld = process.metric('railwatch_bridge_budget_withheld{budget="fleet"}')

        site.prometheus.stop()
        rest(process, 4)
        blind = told(fleet), tainted(fleet)
        site.prometheus.start()

        recovered = recover(site, fleet)
        memory.append(fleets.resident(process))
        internal = process.metric('railwatch_bridge_cycle_failures_total{kind="internal"}')

    sizes = ", ".join(f"{each:.0f}" for each in memory)
    print(
        f"\n{NODES} nodes: {share:.1%} of a core at rest, {written:.0f} nodes/s in the storm, "
        f"{recovered:.0f} nodes/s given back; {sizes} MiB at rest, in the storm, recovered; "
        f"new faults, 50 %/99 % within: {hops}; load {os.getloadavg()[0]:.1f}"
    )
    assert calm == before
    assert (taken, withheld) == (BUDGET, NODES - BUDGET)
    assert blind == ({"True": NODES}, BUDGET)
    assert max(memory) < GRANTED
    assert not internal
