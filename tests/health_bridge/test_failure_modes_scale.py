"""Failure mode 32: a fleet of 5,000 nodes at rest, all faulty at once, blind, and recovered.

Nodes are objects as large as kubelets make them, without kubelets: their heartbeats go to Leases,
which the bridge never reads. How fast it is, tests/benchmarks/test_bench_bridge.py measures.
"""

import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from testbed.waiting import wait_until
from tests.health_bridge import fleets
from tests.health_bridge.site import PROOFS, Bridge, Site, bridge, running_site

pytestmark = [pytest.mark.cluster, pytest.mark.slow, pytest.mark.timeout(3600)]

NODES = 5_000
MORE = 8_000
BUDGET = 500
GRANTED = 512
"""MiB: the limit in deploy/bridge/deployment.yaml."""
CYCLES = "railwatch_bridge_cycle_duration_seconds_count"
FLAGS = ("--interval=15s", "--timeout=30s", "--blind-grace=30s", f"--budget.fleet={BUDGET}")


@pytest.fixture
def slower(tmp_path: Path) -> Path:
    """The proofs, over windows in which a scrape each five seconds shows itself."""
    text = PROOFS.read_text(encoding="utf-8")
    path = tmp_path / "proofs.yaml"
    path.write_text(text.replace("[2s]", "[15s]").replace(">= 4", ">= 2"), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def fleet() -> Iterator[tuple[Site, list[str]]]:
    with running_site(interval="5s") as running:
        yield running, fleets.add_fleet(running, "fleet", NODES, MORE)


def told(site: Site) -> Counter[str | None]:
    """Count the nodes by what the condition says."""
    nodes = fleets.documents(site, "fleet")
    return Counter(fleets.condition(node, "GpuUnavailable") for node in nodes)


def tainted(site: Site) -> int:
    nodes = fleets.documents(site, "fleet")
    taints = (node["spec"].get("taints", []) for node in nodes)
    return sum(any(each["key"].startswith("railwatch.io/") for each in of) for of in taints)


def versions(site: Site) -> dict[str, Any]:
    nodes = fleets.documents(site, "fleet")
    return {node["metadata"]["name"]: node["metadata"]["resourceVersion"] for node in nodes}


def until_all(site: Site, status: str) -> None:
    wait_until(
        lambda: told(site)[status] == NODES,
        within=600,
        what=f"all {NODES} are {status}",
        every=1.0,
    )


def rest(process: Bridge, cycles: int = 3) -> None:
    before = process.metric(CYCLES) or 0
    wait_until(lambda: (process.metric(CYCLES) or 0) >= before + cycles, within=300, every=0.5)


def steps(process: Bridge, kind: str) -> float:
    return process.metric(f'railwatch_bridge_steps_total{{kind="{kind}"}}') or 0


def storm(site: Site, process: Bridge, names: list[str]) -> float:
    """Let a GPU of every node be lost; return how many nodes a second were told."""
    before = steps(process, "set_condition")
    site.exporters.lose_gpus(names)
    wait_until(lambda: steps(process, "set_condition") > before, within=300, every=0.1)
    known, began = steps(process, "set_condition"), time.monotonic()
    wait_until(
        lambda: steps(process, "set_condition") >= before + NODES,
        within=600,
        what="every condition is written",
        every=0.1,
    )
    return (before + NODES - known) / (time.monotonic() - began)


def test_32_five_thousand_nodes_at_rest_in_a_storm_blind_and_recovered(
    fleet: tuple[Site, list[str]], slower: Path
) -> None:
    site, names = fleet
    with bridge(site, "fleet", *FLAGS, f"--proofs.file={slower}") as process:
        until_all(site, "False")
        rest(process)
        before = versions(site)
        rest(process)
        calm = versions(site)
        memory = [fleets.resident(process)]

        rate = storm(site, process, names)
        until_all(site, "True")
        rest(process)
        memory.append(fleets.resident(process))
        taken = tainted(site)
        withheld = process.metric('railwatch_bridge_budget_withheld{budget="fleet"}')

        site.prometheus.stop()
        rest(process, 4)
        blind = told(site), tainted(site)
        site.prometheus.start()

        site.exporters.start_all(names)
        for name in names:
            site.exporters.reboot(name)
        until_all(site, "False")
        wait_until(lambda: tainted(site) == 0, within=300, every=1.0)
        memory.append(fleets.resident(process))
        internal = process.metric('railwatch_bridge_cycle_failures_total{kind="internal"}')

    said = ", ".join(f"{each:.0f}" for each in memory)
    print(f"\n{rate:.0f} nodes/s in the storm; {said} MiB at rest, in the storm, recovered")
    assert calm == before
    assert (taken, withheld) == (BUDGET, NODES - BUDGET)
    assert blind == ({"True": NODES}, BUDGET)
    assert max(memory) < GRANTED
    assert not internal
