"""What is written to a real kube-apiserver, what is left alone, and by which rights."""

import contextlib
import threading
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from program.errors import ProgramError
from scheduler_feedback.collection import Collection
from scheduler_feedback.errors import Forbidden, KubeError
from scheduler_feedback.kube import NODES, connect
from scheduler_feedback.placement.alignment import Alignment, Zones
from scheduler_feedback.publish.cluster import PublishKube
from scheduler_feedback.publish.node import Belief, Node, read_node
from scheduler_feedback.publish.objects import hypernodes, topologies
from scheduler_feedback.publish.release import release_topology
from scheduler_feedback.publish.writer import Writer
from scheduler_feedback.watch import Watcher
from testbed.api import read_objects
from testbed.servers import Cluster
from testbed.waiting import wait_until
from tests.scheduler_feedback import live
from tests.scheduler_feedback.publish.worlds import define_others

pytestmark = pytest.mark.cluster

NRT = "/apis/topology.node.k8s.io/v1alpha2/noderesourcetopologies"
HYPERNODES = "/apis/topology.volcano.sh/v1alpha1/hypernodes"
TOPOLOGIES = "/apis/kueue.x-k8s.io/v1beta2/topologies"
BELIEVED = {
    "a": Belief(tiers=("leaf_A", "spine"), source="fabric", rails="{}"),
    "b": Belief(tiers=("leaf-b", "spine"), source="fabric"),
}
ROLES = {
    o["metadata"]["name"]: o
    for o in read_objects(live.DEPLOY / "scheduler" / "rbac.yaml")
    if o["kind"] == "ClusterRole"
}
RULES: list[dict[str, list[str]]] = ROLES["railwatch-publisher"]["rules"]
READING: list[dict[str, list[str]]] = ROLES["railwatch-alignment"]["rules"]


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    with Cluster() as cluster:
        live.deploy_rbac(cluster)
        define_others(cluster)
        cluster.apply(live.DEPLOY / "scheduler" / "admission-nodes.yaml")
        cluster.add_nodes(BELIEVED)
        yield cluster


class Publisher:
    """A writer with a user's rights, and what it counted."""

    def __init__(self, kubeconfig: Path) -> None:
        self.kube = connect(str(kubeconfig))
        self.counted = Counter[tuple[str, str]]()
        self.writer = Writer(
            PublishKube(self.kube),
            threading.Event(),
            lambda: True,
            1000.0,
            counted=lambda *told: self.counted.update([told]),
        )

    def nodes(self) -> list[Node]:
        return [read_node(each) for each in self.kube.listing(NODES).objects]

    def write(self, beliefs: Mapping[str, Belief] = BELIEVED) -> Counter[tuple[str, str]]:
        self.counted.clear()
        self.writer.write(self.nodes(), beliefs)
        return self.counted

    def release(self) -> None:
        release_topology(PublishKube(self.kube), self.kube.listing(NODES).objects)


@pytest.fixture
def publisher(cluster: Cluster) -> Iterator[Publisher]:
    made = Publisher(cluster.kubeconfig_for(live.PROGRAM_USER))
    yield made
    made.release()
    for path in (NRT, HYPERNODES, TOPOLOGIES):
        for each in cluster.api.items(path):
            cluster.api.delete(f"{path}/{each['metadata']['name']}")


def others(cluster: Cluster, name: str, *told: str) -> list[dict[str, str]]:
    """Publish a NodeResourceTopology with these attributes, as another program does."""
    attributes = [{"name": each, "value": "1"} for each in told]
    item = {
        "apiVersion": "topology.node.k8s.io/v1alpha2",
        "kind": "NodeResourceTopology",
        "metadata": {"name": name},
        "topologyPolicies": [],
        "zones": [],
        "attributes": attributes,
    }
    if any(each["metadata"]["name"] == name for each in cluster.api.items(NRT)):
        cluster.api.merge(f"{NRT}/{name}", {"attributes": attributes})
    else:
        cluster.api.create(item)
    return attributes


def names(cluster: Cluster, path: str) -> list[str]:
    return sorted(each["metadata"]["name"] for each in cluster.api.items(path))


def test_what_stands_there_is_not_written_again(cluster: Cluster, publisher: Publisher) -> None:
    others(cluster, "a", "policy")

    assert publisher.write() == {
        ("Node", "written"): 2,
        ("Topology", "written"): 2,
        ("HyperNode", "written"): 3,
        ("NodeResourceTopology", "written"): 1,
    }
    assert not publisher.write()
    assert not publisher.writer.failed


def test_what_is_no_longer_believed_goes(cluster: Cluster, publisher: Publisher) -> None:
    own = others(cluster, "a", "policy")
    publisher.write()

    publisher.write({"a": Belief(reason="no_leaf"), "b": Belief(tiers=("leaf-b",), source="lldp")})

    assert cluster.api.get(f"{NRT}/a")["attributes"] == own
    assert names(cluster, TOPOLOGIES) == ["railwatch-1"]
    assert names(cluster, HYPERNODES) == ["railwatch-t0-leaf-b"]
    assert "railwatch.io/topology-source" not in cluster.node("a")["metadata"]["annotations"]


def test_a_node_that_moves_leaves_its_hypernode(cluster: Cluster, publisher: Publisher) -> None:
    publisher.write()
    moved = Belief(tiers=("leaf-b", "spine"), source="fabric")

    counted = publisher.write({**BELIEVED, "a": moved})

    assert counted["HyperNode", "deleted"] == 1
    members = cluster.api.get(f"{HYPERNODES}/railwatch-t0-leaf-b")["spec"]["members"]
    assert [each["selector"]["exactMatch"]["name"] for each in members] == ["a", "b"]


def test_objects_of_others_are_left_alone(cluster: Cluster, publisher: Publisher) -> None:
    levels = [{"nodeLabel": "rack"}]
    theirs = {
        "apiVersion": "kueue.x-k8s.io/v1beta2",
        "kind": "Topology",
        "metadata": {"name": "railwatch-1"},
        "spec": {"levels": levels},
    }
    cluster.api.create(theirs)
    member = {"type": "Node", "selector": {"exactMatch": {"name": "a"}}}
    cluster.api.create(
        {
            "apiVersion": "topology.volcano.sh/v1alpha1",
            "kind": "HyperNode",
            "metadata": {"name": "leaf-hn-1"},
            "spec": {"tier": 1, "members": [member]},
        }
    )

    publisher.write()

    assert publisher.writer.conflicts["foreign_object"] == 1
    assert publisher.writer.conflicts["foreign_hypernodes"] == 1
    assert names(cluster, HYPERNODES) == ["leaf-hn-1"]
    publisher.release()
    assert cluster.api.get(f"{TOPOLOGIES}/railwatch-1")["spec"]["levels"] == levels


def test_whoever_takes_attributes_off_again_has_the_last_word(
    cluster: Cluster, publisher: Publisher
) -> None:
    for _ in range(3):
        own = others(cluster, "a", "policy")
        publisher.write()
        assert len(cluster.api.get(f"{NRT}/a")["attributes"]) == 3

    others(cluster, "a", "policy")
    publisher.write()

    assert cluster.api.get(f"{NRT}/a")["attributes"] == own
    assert publisher.writer.conflicts["overwritten"] == 1


def test_labels_set_by_hand_outlive_the_release(cluster: Cluster, publisher: Publisher) -> None:
    hand = {"topology.railwatch.io/tier-0": "rack-7"}
    cluster.api.merge("/api/v1/nodes/b", {"metadata": {"labels": hand}})
    declared = Belief(tiers=("rack-7",), source="declared", rails="{}")

    publisher.write({**BELIEVED, "b": declared})
    assert "railwatch-t0-rack-7" in names(cluster, HYPERNODES)
    publisher.release()

    labels = cluster.node("b")["metadata"]["labels"]
    assert labels["topology.railwatch.io/tier-0"] == "rack-7"
    assert not {k for k in cluster.node("b")["metadata"]["annotations"] if "railwatch" in k}
    cluster.api.merge("/api/v1/nodes/b", {"metadata": {"labels": dict.fromkeys(hand)}})


def test_without_the_lead_nothing_is_written(publisher: Publisher) -> None:
    publisher.writer.leading = lambda: False

    assert not publisher.write()
    assert publisher.writer.failed


def _user(cluster: Cluster, name: str, rules: list[dict[str, list[str]]]) -> Path:
    """A user with the publisher's rules, as they are given here, and the extender's."""
    subject = {"kind": "User", "apiGroup": "rbac.authorization.k8s.io", "name": name}
    role = {**ROLES["railwatch-publisher"], "metadata": {"name": name}, "rules": rules}
    for roles in (name, "railwatch-extender"):
        binding = {
            "apiVersion": "rbac.authorization.k8s.io/v1",
            "kind": "ClusterRoleBinding",
            "metadata": {"name": f"{name}-{roles}"},
            "roleRef": {**_REF, "name": roles},
            "subjects": [subject],
        }
        cluster.apply([role, binding])
    wait_until(lambda: all(live.may(cluster, name, rule) for rule in rules), what="the rights")
    wait_until(lambda: live.may(cluster, name, _NODES), what="the extender's")
    return cluster.kubeconfig_for(name)


_REF = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole"}
_NODES = {"apiGroups": [""], "resources": ["nodes"], "verbs": ["list"]}


def _work(cluster: Cluster, kubeconfig: Path) -> int:
    """Write, change and release all; return how much of it failed."""
    publisher = Publisher(kubeconfig)
    others(cluster, "a", "policy")
    failed = 0
    moved = Belief(tiers=("leaf-b",), source="fabric")
    for beliefs in (BELIEVED, {**BELIEVED, "a": moved}, BELIEVED):
        publisher.write(beliefs)
        failed += publisher.writer.failed
    try:
        publisher.release()
    except ProgramError:
        failed += 1
    return failed


def test_with_all_rules_nothing_fails(cluster: Cluster, publisher: Publisher) -> None:
    assert _work(cluster, _user(cluster, "whole", RULES)) == 0
    assert not publisher.writer.failed


@pytest.mark.parametrize("missing", range(len(RULES)))
@pytest.mark.usefixtures("publisher")  # takes away what is left
def test_without_a_rule_something_fails(cluster: Cluster, missing: int) -> None:
    rules = [rule for number, rule in enumerate(RULES) if number != missing]
    assert len(RULES[missing]["verbs"]) == 1

    assert _work(cluster, _user(cluster, f"without-{missing}", rules)) > 0


@pytest.mark.parametrize(
    "patch",
    [
        {"spec": {"unschedulable": True}},
        {"spec": {"taints": [{"key": "railwatch.io/x", "effect": "NoSchedule"}]}},
        {"metadata": {"labels": {"kubernetes.io/hostname": "elsewhere"}}},
        {"metadata": {"labels": {"topology.railwatch.io/line": "line-1"}}},
        {"metadata": {"labels": {"kubernetes.io/hostname": None}}},
        {"metadata": {"annotations": {"railwatch.io/devices": "{}"}}},
        {"metadata": {"annotations": {"kwok.x-k8s.io/node": None}}},
        {"metadata": {"finalizers": ["railwatch.io/stay"]}},
    ],
)
def test_the_account_writes_on_nodes_what_is_the_publishers_and_nothing_else(
    cluster: Cluster, patch: dict[str, Any]
) -> None:
    account = Publisher(cluster.kubeconfig_for(live.ACCOUNT))
    before = cluster.node("a")
    says = "railwatch-scheduler changes n"
    wait_until(lambda: says in _denied(account, patch), what="the policy denies it")

    assert {**cluster.node("a")["metadata"], "resourceVersion": ""} == {
        **before["metadata"],
        "resourceVersion": "",
    }
    assert account.write()["Node", "written"] == 2
    account.release()


def _denied(account: Publisher, patch: dict[str, Any]) -> str:
    try:
        account.kube.call("PATCH", f"{NODES}/a?dryRun=All", patch)
    except KubeError as error:
        return str(error)
    return ""


@pytest.mark.parametrize("missing", [None, *range(len(READING))])
def test_each_rule_for_reading_numa_nodes_is_needed(cluster: Cluster, missing: int | None) -> None:
    rules = [rule for number, rule in enumerate(READING) if number != missing]
    kube = connect(str(_user(cluster, f"reading-{missing}", rules)))
    source = Collection(kube, NRT, 1)
    zones = Zones(Alignment(), threading.Lock())
    watcher = Watcher(source, zones, stop=threading.Event())

    with pytest.raises(Forbidden) if missing is not None else contextlib.nullcontext():
        watcher.step()


def test_a_topology_is_of_use_to_nodes_with_all_its_levels() -> None:
    made = topologies({"a": ("l", "s", "c"), "b": ("", "s"), "c": ()}, "example.org")

    assert list(made) == ["railwatch-1", "railwatch-2", "railwatch-3"]
    assert made["railwatch-2"]["levels"] == [
        {"nodeLabel": "topology.example.org/tier-1"},
        {"nodeLabel": "topology.example.org/tier-0"},
        {"nodeLabel": "kubernetes.io/hostname"},
    ]
    deep = topologies({"a": tuple("abcdefghij")})
    assert max(len(each["levels"]) for each in deep.values()) == 8


def test_a_domain_is_in_one_wider_one() -> None:
    made = hypernodes({"a": ("l", "s"), "b": ("l", "s"), "c": ("l", "t"), "d": ("m", "t")})

    assert sorted(made) == [f"railwatch-t{n}" for n in ("0-l", "0-m", "1-s", "1-t")]
    assert [m["selector"]["exactMatch"]["name"] for m in made["railwatch-t1-t"]["members"]] == [
        "railwatch-t0-m"
    ]
    assert made["railwatch-t0-l"]["tier"] == 1


def test_a_node_made_anew_takes_nothing_that_was_believed_of_the_one_before(
    cluster: Cluster, publisher: Publisher
) -> None:
    publisher.write()
    before = publisher.nodes()
    cluster.api.delete("/api/v1/nodes/b")
    cluster.add_nodes(["b"])

    moved = {**BELIEVED, "b": Belief(tiers=("leaf-c", "spine"), source="fabric")}
    publisher.counted.clear()
    publisher.writer.write(before, moved)

    assert publisher.counted["Node", "conflicted"] == 1
    assert not [k for k in cluster.node("b")["metadata"]["labels"] if "railwatch" in k]
    publisher.write(moved)
    assert cluster.node("b")["metadata"]["labels"]["topology.railwatch.io/tier-0"] == "leaf-c"
