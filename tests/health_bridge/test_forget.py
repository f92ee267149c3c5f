"""A Prometheus that is gone for good is forgotten, and recovery no longer waits for it."""

import json
import subprocess
import sys
from typing import Any

import pytest

from health_bridge.cluster.kube import Kube, connect
from health_bridge.connection import Connection
from health_bridge.decision.nodes import Keys, Node
from health_bridge.forget import Forgetting
from testbed.waiting import PATIENCE, wait_until
from tests.health_bridge.site import ROOT, USER, Site, bridge
from tests.health_bridge.test_loop import cycles

pytestmark = pytest.mark.cluster

GONE = "http://old-prometheus:9090"


def forget(site: Site, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [
            *(sys.executable, "-m", "health_bridge", "forget-source"),
            f"--kubeconfig={site.cluster.kubeconfig_for(USER)}",
            *arguments,
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )


def annotate(site: Site, node: str, owned: dict[str, Any]) -> None:
    annotations = {"railwatch.io/owned": json.dumps(owned), "their/note": "kept"}
    site.cluster.api.merge(f"/api/v1/nodes/{node}", {"metadata": {"annotations": annotations}})


def sources(site: Site, node: str) -> list[str]:
    found: list[str] = json.loads(site.annotation(node, "owned") or "{}").get("sources", [])
    return found


def test_recovery_waits_for_a_source_until_it_is_forgotten(site: Site) -> None:
    site.nodes("retired")
    annotate(site, "retired", {"sources": [GONE]})

    with bridge(site, "retired") as process:
        site.exporters.drop_link("retired")
        site.await_status("retired", "True", "RdmaLinkDown")
        wait_until(lambda: site.prometheus.url in sources(site, "retired"))
        site.exporters.heal("retired")
        site.await_quiet("retired")
        healthy = 'min_over_time(test_link_healthy{node="retired"}[3s]) == 1'
        wait_until(lambda: site.prometheus.query(healthy))
        cycles(process, 2)
        held = site.status("retired", "RdmaLinkDown")
        ended = forget(site, f"{GONE}/")
        site.await_status("retired", "False", "RdmaLinkDown")

    assert held == "True"
    assert ended.returncode == 0
    assert ended.stdout.splitlines() == [
        f"forgot {GONE} on retired",
        f"{GONE}: forgotten on 1 node",
    ]
    assert sources(site, "retired") == [site.prometheus.url]


def test_a_dry_run_forgets_nothing_and_a_second_run_finds_nothing(site: Site) -> None:
    site.cluster.add_nodes(["forget-0", "forget-1", "forget-2"])
    gone = "http://gone:9090"
    annotate(site, "forget-0", {"sources": [gone, "http://stays:9090"], "taints": ["t"]})
    annotate(site, "forget-1", {"sources": [gone]})
    site.cluster.api.merge(
        "/api/v1/nodes/forget-2", {"metadata": {"annotations": {"railwatch.io/owned": "damaged"}}}
    )
    before = site.cluster.node("forget-0")

    dry = forget(site, "--dry-run", gone)
    after_dry = site.cluster.node("forget-0")
    first = forget(site, gone)
    second = forget(site, gone)

    assert dry.stdout.splitlines()[-1] == f"{gone}: to forget on 2 nodes"
    assert after_dry == before
    assert first.stdout.splitlines()[-1] == f"{gone}: forgotten on 2 nodes"
    assert json.loads(site.annotation("forget-0", "owned") or "") == {
        "conditions": {},
        "sources": ["http://stays:9090"],
        "taints": ["t"],
    }
    assert site.annotation("forget-1", "owned") is None
    assert site.annotation("forget-2", "owned") == "damaged"
    assert site.cluster.node("forget-1")["metadata"]["annotations"]["their/note"] == "kept"
    assert (second.returncode, len(second.stdout.splitlines())) == (0, 1)
    assert f"{gone}: no node names it; they name " in second.stdout
    assert "http://stays:9090" in second.stdout


class Meddling(Kube):
    """Lists nodes, and lets another write to each before we can."""

    def __init__(self, kube: Kube, site: Site) -> None:
        vars(self).update(vars(kube))
        self._site = site

    def nodes(self, selector: str = "") -> list[Node]:
        found = [node for node in super().nodes(selector) if node.name == "meddled"]
        annotate(self._site, "meddled", {"sources": ["http://a", "http://b", "http://new"]})
        return found


def test_what_another_wrote_meanwhile_is_kept(site: Site) -> None:
    site.cluster.add_nodes(["meddled"])
    annotate(site, "meddled", {"sources": ["http://a", "http://b"]})
    kube = connect(Connection(kubeconfig=str(site.cluster.kubeconfig_for(USER))))
    forgetting = Forgetting(
        kube=Meddling(kube, site), keys=Keys(), source="http://a", dry_run=False
    )

    said = list(forgetting.run())

    assert said == ["forgot http://a on meddled", "http://a: forgotten on 1 node"]
    assert sources(site, "meddled") == ["http://b", "http://new"]


def test_who_may_not_write_is_told(site: Site) -> None:
    ended = subprocess.run(
        [
            *(sys.executable, "-m", "health_bridge", "forget-source", GONE),
            f"--kubeconfig={site.cluster.kubeconfig_for('nobody')}",
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )

    assert ended.returncode == 1
    assert "not every node is done, run it again: " in ended.stderr
    assert len(ended.stderr.splitlines()) == 1
