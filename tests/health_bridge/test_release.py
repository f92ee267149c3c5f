"""The uninstall that leaves no trace, and who writes while several bridges run."""

import signal
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from testbed.waiting import PATIENCE, wait_until
from tests.health_bridge.site import ROOT, USER, Bridge, Site, bridge
from tests.health_bridge.test_loop import DRAINED, answer_that_says

pytestmark = pytest.mark.cluster

LEASES = "/apis/coordination.k8s.io/v1/namespaces/railwatch/leases"


def release(site: Site, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [
            *(sys.executable, "-m", "health_bridge", "release"),
            f"--kubeconfig={site.cluster.kubeconfig_for(USER)}",
            *arguments,
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )


def bare(node: dict[str, Any]) -> dict[str, Any]:
    """Return a node without what the API server itself counts and keeps of every write."""
    metadata = {
        name: value
        for name, value in node["metadata"].items()
        if name not in ("resourceVersion", "managedFields")
    }
    return {**node, "metadata": metadata}


def test_release_leaves_a_node_as_it_was_and_the_others_alone(site: Site) -> None:
    site.nodes("free-0", "free-1")
    theirs = [{"key": "their/taint", "effect": "NoSchedule"}]
    site.cluster.api.merge("/api/v1/nodes/free-0", {"spec": {"taints": theirs}})
    before = site.cluster.node("free-0")
    with bridge(site, "free-0"):
        for name in ("free-0", "free-1"):
            site.exporters.lose_gpu(name)
            site.await_status(name, "True")
    other = site.cluster.node("free-1")

    ended = release(site, "free-0")

    assert (ended.returncode, ended.stdout) == (0, "released node free-0\n")
    assert bare(site.cluster.node("free-0")) == bare(before)
    assert site.cluster.node("free-1") == other


def test_release_of_an_unknown_node_says_so(site: Site) -> None:
    ended = release(site, "no-such-node")

    assert ended.returncode == 1
    assert "no-such-node" in ended.stderr
    assert len(ended.stderr.splitlines()) == 1


def test_a_released_node_is_judged_anew_by_a_running_bridge(site: Site) -> None:
    site.nodes("anew")

    with bridge(site, "anew"):
        site.exporters.lose_gpu("anew")
        site.await_status("anew", "True")
        site.exporters.heal("anew")
        site.await_quiet("anew")
        ended = release(site, "anew")
        site.await_status("anew", "False")

    assert ended.returncode == 0
    assert site.faults("anew") == ()
    assert site.our_taints("anew") == []


@pytest.fixture
def node(request: pytest.FixtureRequest) -> str:
    """A node name of this test's own."""
    return str(request.node.name).removeprefix("test_").replace("_", "-")[:40].strip("-")


def leads(process: Bridge) -> bool:
    return process.metric("railwatch_bridge_leader") == 1


@pytest.fixture
def pair(site: Site, node: str, request: pytest.FixtureRequest) -> Iterator[tuple[Bridge, Bridge]]:
    """Two bridges for the same node; the first leads.

    Their Lease lasts at least as long as by default: a stall of them both is no change of leaders.
    """
    site.nodes(node)
    elect = ("--leader-elect", f"--lease.duration={getattr(request, 'param', '10s')}")
    with bridge(site, node, *elect) as first:
        wait_until(lambda: leads(first))
        with bridge(site, node, *elect) as second:
            second.await_ready()
            yield first, second


def test_when_the_leader_crashes_another_takes_over(
    site: Site, node: str, pair: tuple[Bridge, Bridge]
) -> None:
    first, second = pair
    standby = answer_that_says(second, "standby: ")
    led = leads(second)
    first.kill()

    wait_until(lambda: leads(second))
    site.exporters.lose_gpu(node)
    site.await_status(node, "True")
    site.await_taints(node, DRAINED)

    assert not led
    assert standby.status == 200


def holder(site: Site) -> str:
    """Return who holds the Lease now."""
    spec = site.cluster.api.get(f"{LEASES}/railwatch-bridge")["spec"]
    return str(spec.get("holderIdentity") or "")


@pytest.mark.parametrize("pair", ["30s"], indirect=True)
def test_a_leader_that_ends_hands_over_at_once_and_all_is_released(
    site: Site, node: str, pair: tuple[Bridge, Bridge]
) -> None:
    first, second = pair
    site.await_status(node, "False")
    held_by = holder(site)

    refused = release(site, "--all")
    code = first.stop()
    given_up = holder(site) != held_by
    wait_until(lambda: leads(second))
    second.signal(signal.SIGTERM)
    second_code = second.wait(PATIENCE)
    released = release(site, "--all")

    assert (code, second_code) == (0, 0)
    assert held_by
    assert given_up
    assert refused.returncode == 1
    assert "stop it first" in refused.stderr
    assert released.returncode == 0
    assert site.status(node) is None
    leases = [lease["metadata"]["name"] for lease in site.cluster.api.items(LEASES)]
    assert "railwatch-bridge" not in leases
