"""The admission policies of deploy/ on a real kube-apiserver."""

from collections.abc import Iterator
from typing import Any

import pytest

from testbed.api import ApiError
from testbed.servers import Cluster
from testbed.waiting import wait_until
from tests.scheduler_feedback import live

pytestmark = pytest.mark.cluster

GATE = {"name": "railwatch.io/gang"}


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    with Cluster() as cluster:
        cluster.apply(live.DEPLOY / "scheduler" / "admission.yaml")
        _namespace(cluster, "default")
        _namespace(cluster, "left", managed="false")
        wait_until(lambda: _works(cluster), what="the policies are in force")
        yield cluster


def _namespace(cluster: Cluster, name: str, **labels: str) -> None:
    named = {f"railwatch.io/{key}": value for key, value in labels.items()}
    metadata = {"name": name, "labels": named}
    cluster.apply([{"apiVersion": "v1", "kind": "Namespace", "metadata": metadata}])


def _works(cluster: Cluster) -> bool:
    probe = pod("probe", gpus=1, labels={"railwatch.io/gang": "probe"})
    try:
        made = cluster.api.create(probe)
    except ApiError:
        return False
    cluster.api.delete("/api/v1/namespaces/default/pods/probe")
    seen = made["spec"]
    return bool(seen["schedulerName"] == "railwatch-scheduler" and seen.get("schedulingGates"))


def pod(
    name: str,
    *,
    gpus: int,
    labels: dict[str, str] | None = None,
    namespace: str = "default",
    **spec: Any,
) -> dict[str, Any]:
    limits = {"limits": {"nvidia.com/gpu": str(gpus)}} if gpus else {}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": namespace, "labels": labels or {}},
        "spec": {"containers": [{"name": "a", "image": "a", "resources": limits}], **spec},
    }


def made(cluster: Cluster, wanted: dict[str, Any]) -> tuple[str, list[dict[str, str]]]:
    spec = cluster.api.create(wanted)["spec"]
    return spec["schedulerName"], spec.get("schedulingGates", [])


def test_an_accelerator_pod_gets_our_scheduler_and_no_gate(cluster: Cluster) -> None:
    assert made(cluster, pod("plain", gpus=1)) == ("railwatch-scheduler", [])


def test_an_accelerator_may_be_asked_for_by_a_start_up_container(cluster: Cluster) -> None:
    wanted = pod("late", gpus=0)
    wanted["spec"]["initContainers"] = [pod("x", gpus=1)["spec"]["containers"][0] | {"name": "b"}]

    assert made(cluster, wanted)[0] == "railwatch-scheduler"


def test_a_gang_gets_its_gate_beside_those_it_has(cluster: Cluster) -> None:
    labels = {"railwatch.io/gang": "g"}

    _, gates = made(cluster, pod("g-0", gpus=8, labels=labels, schedulingGates=[{"name": "a/b"}]))
    _, again = made(cluster, pod("g-1", gpus=8, labels=labels, schedulingGates=[GATE]))

    assert sorted(gate["name"] for gate in gates) == ["a/b", "railwatch.io/gang"]
    assert again == [GATE]


@pytest.mark.parametrize(
    ("wanted", "scheduler"),
    [
        (pod("web", gpus=0), "default-scheduler"),
        (pod("theirs", gpus=1, schedulerName="volcano"), "volcano"),
        (pod("placed", gpus=1, nodeName="here"), "default-scheduler"),
        (
            pod("other", gpus=1, namespace="left", labels={"railwatch.io/gang": "g"}),
            "default-scheduler",
        ),
    ],
)
def test_what_is_not_ours_is_left_as_it_is(
    cluster: Cluster, wanted: dict[str, Any], scheduler: str
) -> None:
    assert made(cluster, wanted) == (scheduler, [])
