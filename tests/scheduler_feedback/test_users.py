"""Who uses a fenced device: told, told otherwise, and not told."""

from collections.abc import Sequence
from typing import Any

import pytest

from scheduler_feedback.drain_kube import DrainKube
from scheduler_feedback.health import Fenced, NodeHealth
from scheduler_feedback.share.assignment import Part, dump_assignment
from scheduler_feedback.share.names import OUR_NAMES, Names, names_of
from scheduler_feedback.survey import Survey
from scheduler_feedback.users import suspects, users_of
from scheduler_feedback.watch import Object

UUID = "GPU-8f3b1c2e-77aa"
FENCED = Fenced(device=UUID, condition="GpuUnavailable", began=0.0, index=3)
GPU, MIG = "nvidia.com/gpu", "nvidia.com/mig-1g.10gb"


def pod(
    uid: str, *ids: str, resource: str = GPU, asks: str = GPU, notes: dict[str, str] | None = None
) -> dict[str, Any]:
    """A pod that asks for a device, and the ids that the kubelet says it was given."""
    resources = [{"resourceID": each, "health": "Healthy"} for each in ids]
    told = [{"name": resource, "resources": resources}] if ids else []
    return {
        "metadata": {"name": uid, "uid": uid, "annotations": notes or {}},
        "spec": {"containers": [{"name": "c", "resources": {"limits": {asks: "1"}}}]},
        "status": {"containerStatuses": [{"name": "c", "allocatedResourcesStatus": told}]},
    }


def shares(uid: str, gpu: int) -> dict[str, Any]:
    assigned = dump_assignment([Part(gpu=gpu, milli=500, memory=1024)])
    notes = {"railwatch.io/gpu-assignment": assigned}
    return pod(uid, asks="railwatch.io/gpu-milli", notes=notes)


def told(
    *pods: dict[str, Any], fenced: Fenced = FENCED, names: Names = OUR_NAMES
) -> list[str] | None:
    users = users_of(fenced, pods, (), (), names)
    return None if users is None else sorted(users)


@pytest.mark.parametrize("of", [UUID, f"{UUID}::7", f"{UUID}-7", f"{UUID}-_-7"])
def test_a_plugins_id_names_the_gpu_or_a_share_of_it(of: str) -> None:
    assert told(pod("a", of), pod("b", "GPU-other")) == ["a"]


@pytest.mark.parametrize("longer", [f"{UUID}0", f"{UUID}0::7"])
def test_an_id_that_only_begins_alike_is_another_gpus(longer: str) -> None:
    assert told(pod("a", longer)) == []


@pytest.mark.parametrize(
    "silent",
    [
        pod("a", "MIG-1-2-3", resource=MIG, asks=MIG),
        pod("a", "3"),
        pod("a"),
        pod("a", asks="railwatch.io/gpu-milli"),
        {**pod("a", asks="cpu"), "spec": {"resourceClaims": [{"name": "gpu"}]}},
    ],
    ids=["a MIG device", "an index", "nothing told", "a share not assigned", "a claim of no slice"],
)
def test_who_has_a_gpu_of_which_nobody_says_which_may_be_the_user(silent: dict[str, Any]) -> None:
    assert told(silent, pod("b", "GPU-other")) is None


def test_a_user_who_is_known_is_one_whatever_the_others_are() -> None:
    assert told(pod("a", UUID), pod("b")) == ["a"]


def test_shares_go_by_the_names_that_the_cluster_uses() -> None:
    mine = Names(annotation="example.com/gpus")
    assigned = dump_assignment([Part(gpu=3, milli=500, memory=1024)])
    bound = pod("a", asks="railwatch.io/gpu-milli", notes={mine.annotation: assigned})

    assert told(bound, names=mine) == ["a"]
    assert told(bound) is None
    assert told(pod("b", asks="aliyun.com/gpu-mem"), names=names_of("gpushare")) is None


def test_who_may_be_a_user_is_whoever_nobody_vouches_for() -> None:
    pods = [pod("a"), pod("b", "GPU-other"), pod("c", asks="cpu"), pod("d", "3")]

    assert suspects(FENCED, pods) == {"a", "d"}


class Silent(DrainKube):
    """A node whose pods nobody says anything of."""

    def __init__(self, *pods: dict[str, Any]) -> None:
        self.pods = {"n": pods}

    def pods_on(self, node: str) -> Sequence[Object]:
        return self.pods[node]

    def claims(self) -> Sequence[Object]:
        return ()

    def slices(self, node: str) -> Sequence[Object]:
        assert node in self.pods
        return ()


@pytest.mark.parametrize(
    ("phase", "suspected", "users", "unknown"),
    [
        ("Running", False, [], (UUID,)),
        ("Running", True, ["a"], ()),
        ("Succeeded", False, [], ()),
        ("Failed", True, [], ()),
    ],
)
def test_a_pod_that_has_ended_uses_no_gpu(
    phase: str,
    suspected: bool,  # noqa: FBT001 - a case
    users: list[str],
    unknown: tuple[str, ...],
) -> None:
    silent = pod("a")
    silent["metadata"] |= {"namespace": "default", "creationTimestamp": "2026-11-01T08:00:00Z"}
    silent["status"]["phase"] = phase
    looked = Survey(Silent(silent), suspected=suspected)

    draining, told_unknown = looked.draining(NodeHealth(name="n", uid="u", fenced=(FENCED,)))

    assert [*draining.users] == users
    assert told_unknown == unknown


def test_nobody_uses_it_where_no_pod_has_a_gpu() -> None:
    fabric = pod("b", "mlx5_0", resource="rdma/hca", asks="rdma/hca")

    assert told(pod("a", asks="cpu"), fabric) == []


def test_a_share_of_the_gpu_is_known_by_its_assignment() -> None:
    assert told(shares("a", 3), shares("b", 2)) == ["a"]
    unnamed = Fenced(device=UUID, condition="GpuUnavailable", began=0.0)
    assert told(shares("a", 3), fenced=unnamed) is None


def test_a_mig_device_of_a_slice_tells_its_gpu_and_who_only_watches_uses_none() -> None:
    attributes = {"uuid": {"string": "MIG-1"}, "parentUUID": {"string": UUID}}
    device = {"name": "gpu-3-mig-1", "attributes": attributes}
    slices = [{"spec": {"driver": "d", "pool": {"name": "n1"}, "devices": [device]}}]

    def claim(uid: str, **more: bool) -> dict[str, Any]:
        result = {"driver": "d", "pool": "n1", "device": "gpu-3-mig-1", **more}
        reserved = [{"resource": "pods", "name": uid, "uid": uid}]
        allocated = {"devices": {"results": [result]}}
        return {"status": {"allocation": allocated, "reservedFor": reserved}}

    claims = [claim("a"), claim("watcher", adminAccess=True)]

    assert users_of(FENCED, (), claims, slices) == frozenset({"a"})
