"""The bridge's account writes what is the bridge's, and nothing else gets past the policies."""

import re
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml

from catalog.conditions import BY_TYPE
from testbed.api import Api, ApiError
from testbed.http import Client, Identity
from testbed.servers import Cluster
from testbed.waiting import wait_until

pytestmark = pytest.mark.cluster

DEPLOY = Path(__file__).parents[2] / "deploy"
USER = "system:serviceaccount:railwatch:railwatch-bridge"
BINDINGS = "/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicybindings"
NO_EXECUTE = f"{BINDINGS}/railwatch-bridge-no-execute"
RULES = "/apis/resource.k8s.io/v1beta2/devicetaintrules"
FREE = {"kind": "ClusterRole", "name": "cluster-admin", "apiGroup": "rbac.authorization.k8s.io"}

NODE = "/api/v1/nodes/gpu"
OURS = {"key": "railwatch.io/gpu-unavailable", "value": "drain", "effect": "NoSchedule"}
THEIRS = {"key": "their/taint", "value": "x", "effect": "NoSchedule"}


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    """The policies as they are; the bridge's account may do all that RBAC can allow."""
    with Cluster() as running:
        running.apply(DEPLOY / "namespace.yaml")
        running.apply(DEPLOY / "bridge" / "admission.yaml")
        running.apply(
            [
                {
                    "apiVersion": "rbac.authorization.k8s.io/v1",
                    "kind": "ClusterRoleBinding",
                    "metadata": {"name": "free"},
                    "roleRef": FREE,
                    "subjects": [{"kind": "User", "name": USER}],
                }
            ]
        )
        yield running


@pytest.fixture(scope="module")
def bridge(cluster: Cluster) -> Api:
    """The API as the bridge's account sees it, once the policies hold."""
    user = yaml.safe_load(cluster.kubeconfig_for(USER).read_text())["users"][0]["user"]
    identity = Identity(
        ca=cluster.ca_file,
        certificate=Path(user["client-certificate"]),
        key=Path(user["client-key"]),
    )
    api = Api(Client(cluster.url, identity))
    cluster.add_nodes(["probe"])
    wait_until(lambda: refused(api, "/api/v1/nodes/probe", relabelled()))
    wait_until(lambda: refused(api, RULES, rule("probe", managed_by="nobody")))
    wait_until(lambda: "no NoExecute" in refused(api, "/api/v1/nodes/probe", evicting(beside=())))
    return api


def relabelled() -> dict[str, Any]:
    """Return a change that is one each time."""
    return {"metadata": {"labels": {"probe": str(time.monotonic_ns())}}}


def rule(
    name: str,
    *,
    managed_by: str = "railwatch-bridge",
    key: str = OURS["key"],
    effect: str = "NoSchedule",
    device: str | None = "gpu-0",
) -> dict[str, Any]:
    selector = {"driver": "gpu.nvidia.com", "pool": "gpu", "device": device}
    return {
        "apiVersion": "resource.k8s.io/v1beta2",
        "kind": "DeviceTaintRule",
        "metadata": {"name": name, "labels": {"app.kubernetes.io/managed-by": managed_by}},
        "spec": {
            "deviceSelector": {k: v for k, v in selector.items() if v},
            "taint": {"key": key, "value": "drain", "effect": effect},
        },
    }


def refused(api: Api, path: str, change: dict[str, Any]) -> str:
    """Try a write; return why it was refused, empty where it was done."""
    try:
        if path == RULES:
            api.create(change)
            api.delete(f"{RULES}/{change['metadata']['name']}")
        elif path.endswith("/status"):
            api.merge_by_key(path, change)
        else:
            api.merge(path, change)
    except ApiError as error:
        return str(error)
    return ""


@pytest.fixture
def node(cluster: Cluster) -> Iterator[dict[str, Any]]:
    """A node with a foreign taint and a foreign annotation; gone after the test."""
    cluster.add_nodes(["gpu"], labels={"pool": "a"})
    cluster.api.merge(
        NODE,
        {
            "metadata": {"annotations": {"their/note": "x", "railwatch.io/verified": "y"}},
            "spec": {"taints": [THEIRS, {**OURS, "key": "railwatch.io/old"}]},
        },
    )
    yield cluster.node("gpu")
    cluster.api.delete(NODE)


def conditions(kind: str) -> dict[str, Any]:
    return {"status": {"conditions": [{"type": kind, "status": "True", "reason": "R"}]}}


ALLOWED: dict[str, tuple[str, dict[str, Any]]] = {
    "set and replace our taints": (NODE, {"spec": {"taints": [THEIRS, OURS]}}),
    "remove our taints": (NODE, {"spec": {"taints": [THEIRS]}}),
    "our annotations": (NODE, {"metadata": {"annotations": {"railwatch.io/devices": "{}"}}}),
    **{f"condition {kind}": (f"{NODE}/status", conditions(kind)) for kind in BY_TYPE},
    "remove a condition": (
        f"{NODE}/status",
        {"status": {"conditions": [{"type": "GpuDegraded", "$patch": "delete"}]}},
    ),
    "a rule for one device": (RULES, rule("ours")),
}

FORBIDDEN: dict[str, tuple[str, dict[str, Any], str]] = {
    "cordon": (NODE, {"spec": {"unschedulable": True}}, "cordons"),
    "foreign taint added": (
        NODE,
        {"spec": {"taints": [THEIRS, {**THEIRS, "key": "other"}]}},
        "no taint outside",
    ),
    "foreign taint changed": (
        NODE,
        {"spec": {"taints": [{**THEIRS, "value": "y"}, OURS]}},
        "no taint outside",
    ),
    "foreign taint removed": (NODE, {"spec": {"taints": None}}, "no taint outside"),
    "the unschedulable taint": (
        NODE,
        {"spec": {"taints": [THEIRS, {**THEIRS, "key": "node.kubernetes.io/unschedulable"}]}},
        "no taint outside",
    ),
    "our prefix without its end": (
        NODE,
        {"spec": {"taints": [THEIRS, {**OURS, "key": "railwatch.io.evil/x"}]}},
        "no taint outside",
    ),
    "NoExecute": (
        NODE,
        {"spec": {"taints": [THEIRS, {**OURS, "effect": "NoExecute"}]}},
        "no NoExecute",
    ),
    "provider": (NODE, {"spec": {"providerID": "x://y"}}, "only taints"),
    "label": (NODE, {"metadata": {"labels": {"railwatch.io/managed": "true"}}}, "no label"),
    "label removed": (NODE, {"metadata": {"labels": {"pool": None}}}, "no label"),
    "label by the status": (f"{NODE}/status", {"metadata": {"labels": {"a": "b"}}}, "no label"),
    "foreign annotation": (
        NODE,
        {"metadata": {"annotations": {"cluster-autoscaler.kubernetes.io/x": "y"}}},
        "no annotation",
    ),
    "foreign annotation removed": (
        NODE,
        {"metadata": {"annotations": {"their/note": None}}},
        "no annotation",
    ),
    "a person's word": (
        NODE,
        {"metadata": {"annotations": {"railwatch.io/verified": "2026-01-01T00:00:00Z"}}},
        "no annotation",
    ),
    "an owner's word": (
        NODE,
        {"metadata": {"annotations": {"railwatch.io/lease-end": "2027-01-01T00:00:00Z"}}},
        "no annotation",
    ),
    "finalizer": (NODE, {"metadata": {"finalizers": ["their/hold"]}}, "finalizers"),
    "foreign condition": (f"{NODE}/status", conditions("DiskPressure"), "condition of others"),
    "Ready": (f"{NODE}/status", conditions("Ready"), "condition of others"),
    "foreign condition removed": (
        f"{NODE}/status",
        {"status": {"conditions": [{"type": "Ready", "$patch": "delete"}]}},
        "condition of others",
    ),
    "capacity": (
        f"{NODE}/status",
        {"status": {"allocatable": {"nvidia.com/gpu": "0"}}},
        "only conditions",
    ),
    "another's rule": (RULES, rule("theirs", managed_by="somebody"), "only its own rules"),
    "a rule that evicts": (RULES, rule("evil", effect="NoExecute"), "NoSchedule"),
    "a rule with another key": (RULES, rule("evil", key="their/key"), "railwatch.io/ key"),
    "a rule for a whole pool": (RULES, rule("wide", device=None), "one device"),
}


@pytest.mark.parametrize("what", ALLOWED)
def test_the_bridge_may(what: str, bridge: Api, node: dict[str, Any]) -> None:
    path, change = ALLOWED[what]

    assert refused(bridge, path, change) == ""


@pytest.mark.parametrize("what", FORBIDDEN)
def test_the_bridge_may_not(what: str, bridge: Api, cluster: Cluster, node: dict[str, Any]) -> None:
    path, change, words = FORBIDDEN[what]

    said = refused(bridge, path, change)

    assert "railwatch-bridge-" in said, said
    assert words in said
    assert cluster.node("gpu") == node


def test_the_policy_knows_the_types_of_the_catalogue_and_no_other() -> None:
    documents = yaml.safe_load_all((DEPLOY / "bridge" / "admission.yaml").read_text())
    (policy,) = (
        each
        for each in documents
        if each["kind"] == "ValidatingAdmissionPolicy"
        and each["metadata"]["name"] == "railwatch-bridge-nodes"
    )
    (types,) = (each for each in policy["spec"]["variables"] if each["name"] == "types")

    assert re.findall(r"'(\w+)'", types["expression"]) == list(BY_TYPE)


def test_it_neither_creates_nor_deletes_nodes(bridge: Api, node: dict[str, Any]) -> None:
    made = {"apiVersion": "v1", "kind": "Node", "metadata": {"name": "made"}}

    with pytest.raises(ApiError, match="neither creates nor deletes"):
        bridge.create(made)
    with pytest.raises(ApiError, match="neither creates nor deletes"):
        bridge.delete(NODE)


def test_no_policy_has_a_parameter_without_which_nobody_could_write() -> None:
    """The API server looks for parameters first, and only then whose request it is."""
    policies = [
        item
        for file in (*DEPLOY.glob("bridge/*.yaml"), *DEPLOY.glob("scheduler/*.yaml"))
        for item in yaml.safe_load_all(file.read_text(encoding="utf-8"))
        if item is not None and "AdmissionPolicy" in item.get("kind", "")
    ]

    assert len(policies) > 6
    assert not [item for item in policies if {"paramKind", "paramRef"} & {*item["spec"]}]


def test_it_leaves_rules_of_others_alone(bridge: Api, cluster: Cluster) -> None:
    cluster.api.create(rule("theirs", managed_by="somebody"))

    with pytest.raises(ApiError, match="only its own rules"):
        bridge.delete(f"{RULES}/theirs")
    with pytest.raises(ApiError, match="only its own rules"):
        bridge.merge(f"{RULES}/theirs", rule("theirs"))


def test_no_execute_is_let_through_once_its_owner_asks_for_it(
    bridge: Api, cluster: Cluster, node: dict[str, Any]
) -> None:
    cordoning = {"spec": {"unschedulable": True}}
    binding = cluster.api.get(NO_EXECUTE)
    cluster.api.delete(NO_EXECUTE)
    try:
        wait_until(lambda: refused(bridge, NODE, evicting()) == "")
        cordoned = refused(bridge, NODE, cordoning)
    finally:
        del binding["metadata"]["resourceVersion"], binding["metadata"]["uid"]
        cluster.api.create(binding)
    wait_until(lambda: "no NoExecute" in refused(bridge, NODE, evicting()))
    kept = cluster.node("gpu")["spec"]["taints"]

    assert "cordons" in cordoned
    assert refused(bridge, NODE, {"spec": {"taints": [*kept, OURS]}}) == ""


def evicting(beside: Sequence[dict[str, Any]] = (THEIRS,)) -> dict[str, Any]:
    """Return a change to a taint that evicts, another one each time."""
    value = str(time.monotonic_ns())
    taint = {"key": "railwatch.io/x", "value": value, "effect": "NoExecute"}
    return {"spec": {"taints": [*beside, taint]}}


def test_others_are_not_held_to_it(cluster: Cluster, node: dict[str, Any]) -> None:
    cluster.api.merge(NODE, {"spec": {"unschedulable": True, "taints": None}})

    assert cluster.node("gpu")["spec"]["unschedulable"] is True
