"""Writes to nodes as the real kube-apiserver keeps them, in the face of other writers."""

from typing import Any

import pytest

from health_bridge.cluster.apply import Writer
from health_bridge.cluster.errors import Denied, Missing, Refused, Superseded, Unreachable
from health_bridge.cluster.kube import Kube, connect
from health_bridge.connection import Connection
from health_bridge.decision.decide import decide
from health_bridge.decision.nodes import Node
from health_bridge.decision.steps import NodeSteps
from testbed.ports import free_port
from tests.health_bridge.site import USER, Site
from tests.health_bridge.test_settings import kubeconfig
from tests.health_bridge.worlds import NOW, lost_gpu, our_taints, policy, sight, status

pytestmark = pytest.mark.cluster


@pytest.fixture
def kube(site: Site) -> Kube:
    return connect(Connection(kubeconfig=str(site.cluster.kubeconfig_for(USER))))


class Writing:
    """A writer, and how often it met a conflict."""

    def __init__(self, kube: Kube, *, leads: bool = True) -> None:
        self.conflicts = 0
        self._writer = Writer(kube, lambda: leads, self._count)

    def _count(self) -> None:
        self.conflicts += 1

    def take(self, plan: NodeSteps) -> None:
        self._writer.take(plan, NOW)


def planned(node: Node) -> NodeSteps:
    """Return the steps that a lost GPU asks for on the node as it was read."""
    seen = sight(lost_gpu(node.name), nodes=[node.name])
    (plan,) = decide([node], seen, policy(), {}).plans
    return plan


def patch(site: Site, name: str, change: dict[str, Any], *, status: bool = False) -> None:
    path = f"/api/v1/nodes/{name}{'/status' if status else ''}"
    (site.cluster.api.merge_by_key if status else site.cluster.api.merge)(path, change)


def test_what_others_wrote_since_the_decision_is_kept(site: Site, kube: Kube) -> None:
    site.cluster.add_nodes(["others"])
    plan = planned(kube.node("others"))
    theirs = [
        {"key": "their/a", "effect": "NoSchedule"},
        {
            "key": "their/b",
            "value": "x",
            "effect": "NoExecute",
            "timeAdded": "2026-01-01T00:00:00Z",
        },
    ]
    patch(site, "others", {"spec": {"taints": theirs}, "metadata": {"annotations": {"k": "v"}}})
    pressure = {"type": "DiskPressure", "status": "True", "reason": "R", "message": "M"}
    patch(site, "others", {"status": {"conditions": [pressure]}}, status=True)
    writing = Writing(kube)

    writing.take(plan)

    after = kube.node("others")
    raw = site.cluster.node("others")
    assert writing.conflicts == 1
    assert status(after) == "True"
    assert raw["spec"]["taints"][:2] == theirs
    assert our_taints(after) == {"gpu-unavailable": ("drain", "NoSchedule")}
    assert raw["metadata"]["annotations"]["k"] == "v"
    assert site.status("others", "DiskPressure") == "True"
    assert site.status("others", "Ready") == "True"


def test_a_decision_that_another_leader_overtook_is_given_up(site: Site, kube: Kube) -> None:
    site.cluster.add_nodes(["overtaken"])
    plan = planned(kube.node("overtaken"))
    Writing(kube).take(plan)
    written = site.cluster.node("overtaken")

    with pytest.raises(Superseded, match="changed since the decision"):
        Writing(kube).take(plan)

    assert site.cluster.node("overtaken") == written


def test_17_a_node_recreated_under_its_name_is_not_judged_by_the_old_ones_faults(
    site: Site, kube: Kube
) -> None:
    site.cluster.add_nodes(["reborn"])
    plan = planned(kube.node("reborn"))
    site.cluster.api.delete("/api/v1/nodes/reborn")
    site.cluster.add_nodes(["reborn"])
    before = site.cluster.node("reborn")

    with pytest.raises(Superseded):
        Writing(kube).take(plan)

    assert site.cluster.node("reborn") == before


def test_a_node_that_is_gone_is_missing(site: Site, kube: Kube) -> None:
    site.cluster.add_nodes(["gone"])
    plan = planned(kube.node("gone"))
    site.cluster.api.delete("/api/v1/nodes/gone")

    with pytest.raises(Missing):
        Writing(kube).take(plan)


def test_who_does_not_lead_writes_nothing(site: Site, kube: Kube) -> None:
    site.cluster.add_nodes(["follower"])
    before = site.cluster.node("follower")

    with pytest.raises(Superseded):
        Writing(kube, leads=False).take(planned(kube.node("follower")))

    assert site.cluster.node("follower") == before


def test_more_nodes_than_a_page_are_all_listed(
    site: Site, kube: Kube, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = [f"page-{i}" for i in range(5)]
    site.cluster.add_nodes(names, labels={"test": "page"})
    monkeypatch.setattr("health_bridge.cluster.kube.PAGE", 2)

    assert sorted(node.name for node in kube.nodes("test=page")) == names


def test_errors_say_what_they_are(site: Site, kube: Kube, tmp_path_factory: Any) -> None:
    nobody = connect(Connection(kubeconfig=str(site.cluster.kubeconfig_for("nobody"))))
    folder = tmp_path_factory.mktemp("away")
    away = connect(
        Connection(kubeconfig=str(kubeconfig(folder, f"https://127.0.0.1:{free_port()}")))
    )

    with pytest.raises(Denied, match="HTTP 403"):
        nobody.nodes()
    with pytest.raises(Missing, match="HTTP 404"):
        kube.node("no-such-node")
    with pytest.raises(Refused, match="HTTP 400"):
        kube.nodes("not a selector!")
    with pytest.raises(Unreachable):
        away.nodes()
