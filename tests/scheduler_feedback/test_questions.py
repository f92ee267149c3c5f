"""`explain` and `drain-preflight` on a real kube-apiserver, with the program's own rights."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from catalog.wire import dump_devices
from testbed.servers import Cluster
from testbed.waiting import wait_until
from tests.scheduler_feedback import live
from tests.scheduler_feedback.live import assert_one_line, run
from tests.scheduler_feedback.objects import fault

pytestmark = pytest.mark.cluster

PODS = "/api/v1/namespaces/default/pods"


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    with Cluster(kwok=True, controller_manager=True) as cluster:
        live.deploy_rbac(cluster)
        cluster.add_nodes(["clean", "worn", "broken"], labels={"pool": "asked"})
        for name, told in (("worn", fault("drain", "withheld")), ("broken", whole())):
            note = {"railwatch.io/devices": dump_devices([told])}
            cluster.api.merge(f"/api/v1/nodes/{name}", {"metadata": {"annotations": note}})
        yield cluster


def whole() -> Any:
    return fault("cordon", device="node")


@pytest.fixture(scope="module")
def kubeconfig(cluster: Cluster) -> str:
    return f"--kubeconfig={cluster.kubeconfig_for(live.PROGRAM_USER)}"


def test_explain_tells_of_every_node_by_its_evidence(cluster: Cluster, kubeconfig: str) -> None:
    cluster.api.create(live.bare_pod("asked", "asked"))

    text = run("explain", "default/asked", kubeconfig)
    answer = json.loads(run("explain", "asked", "--json", kubeconfig).stdout)

    assert text.returncode == 0, text.stderr
    assert "may use 2 nodes; 1 refused" in text.stdout
    assert "broken: GpuFellOffBus on" in text.stdout
    assert [(k["score"], k["nodes"]) for k in answer["kinds"]] == [
        (10, ["clean"]),
        (2, ["worn"]),
        (None, ["broken"]),
    ]


def test_preflight_tells_whom_a_drain_moves_and_acts_on_nobody(
    cluster: Cluster, kubeconfig: str
) -> None:
    deployment = live.workload("Deployment", "train", "asked", replicas=2, gpus=0)
    deployment["spec"]["template"]["spec"]["nodeName"] = "clean"
    cluster.api.create(deployment)
    live.await_places(cluster, "train", ["clean", "clean"])
    cluster.api.create(live.disruption_budget("train", unavailable=1))
    before = live.pods(cluster, "train")

    answer = wait_until(
        lambda: _allowed(json.loads(run("drain-preflight", "clean", "--json", kubeconfig).stdout)),
        what="the budget has a status",
    )

    assert not answer["draining"]
    assert len(answer["evict"]) == 1
    assert [held["state"] for held in answer["held"]] == ["budget"]
    assert answer["held"][0]["budgets"] == ["default/train"]
    assert _uids(live.pods(cluster, "train")) == _uids(before)


def _allowed(answer: dict[str, Any]) -> dict[str, Any] | None:
    return answer if answer["evict"] else None


def _uids(pods: list[dict[str, Any]]) -> set[str]:
    return {pod["metadata"]["uid"] for pod in pods}


@pytest.mark.parametrize(
    ("question", "says"),
    [
        (("explain", "default/nobody"), "there is no pod default/nobody"),
        (("explain", "a/b/c"), "'a/b' is not the name of a namespace"),
        (("explain",), "NAMESPACE/NAME"),
        (("drain-preflight", "nowhere"), 'nodes "nowhere" not found'),
        (("drain-preflight", "../pods"), "is not the name of a node"),
        (("drain-preflight", "clean", "--condition=Tired"), "Tired"),
    ],
)
def test_a_question_about_nothing_is_one_line(
    kubeconfig: str, question: tuple[str, ...], says: str
) -> None:
    assert_one_line(run(*question, kubeconfig), says)


def test_without_the_rights_to_read_the_answer_is_one_line(cluster: Cluster) -> None:
    stranger = cluster.kubeconfig_for("stranger")

    assert_one_line(
        run("explain", "asked", f"--kubeconfig={stranger}"), "kube-apiserver: forbidden"
    )


@pytest.mark.parametrize("question", [("explain", "a"), ("drain-preflight", "a")])
def test_a_kubeconfig_that_is_not_there_is_one_line(
    question: tuple[str, ...], tmp_path: Path
) -> None:
    missing = tmp_path / "missing"

    assert_one_line(run(*question, f"--kubeconfig={missing}"), f"{missing}: No such file")
