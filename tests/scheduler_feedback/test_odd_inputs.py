"""What anybody may write on a pod, or send: it costs that pod alone."""

import json
from typing import Any

import pytest
from kubernetes import client
from kubernetes.config.config_exception import ConfigException

from program.errors import UsageError
from program.flags import add_flags, build, parser
from scheduler_feedback.errors import (
    Conflict,
    Forbidden,
    Invalid,
    KubeError,
    ServerError,
    from_answer,
)
from scheduler_feedback.gang.nodes import build_fleet, read_host
from scheduler_feedback.gang.pods import read_claim, read_member
from scheduler_feedback.gang.quantities import read_request
from scheduler_feedback.health import Refusal, assess
from scheduler_feedback.kube import Kube
from scheduler_feedback.phase import has_ended
from scheduler_feedback.placement.roster import Roster
from scheduler_feedback.placement.stock import Stock
from scheduler_feedback.refused import Teller
from scheduler_feedback.settings import Settings
from scheduler_feedback.share.names import PRESETS, names_of
from tests.scheduler_feedback.fakes import FakeCluster, Prompt
from tests.scheduler_feedback.objects import drained_node, node, pod

SIZES = ("gang-size", "gang-min", "gang-slice-size")


def rank(**notes: str) -> dict[str, Any]:
    found = pod(labels={"railwatch.io/gang": "train"})
    told = {"gang-size": "2"} | {key.replace("_", "-"): text for key, text in notes.items()}
    found["metadata"]["annotations"] = {f"railwatch.io/{key}": it for key, it in told.items()}
    return found


@pytest.mark.parametrize("note", SIZES)
@pytest.mark.parametrize("text", ["000000001" + "9" * 5000, "1" * 5000, "0000000010000000", "٢"])
def test_a_number_of_any_length_is_that_gangs_problem(note: str, text: str) -> None:
    member = read_member(rank(**{note.replace("-", "_"): text}))

    assert member is not None
    assert member.terms is None
    assert f"railwatch.io/{note}" in member.problem


def refusals() -> dict[str, Refusal]:
    return {"a": assess(drained_node("a")).refusals[0]}


def without(found: dict[str, Any], field: str) -> dict[str, Any]:
    return found | {"metadata": {k: v for k, v in found["metadata"].items() if k != field}}


@pytest.mark.parametrize(
    "sent",
    [
        {},
        {"metadata": None},
        {"metadata": ["uid"]},
        without(pod(), "namespace"),
        without(pod(), "name"),
        without(pod(), "uid"),
        pod() | {"metadata": {"namespace": "a", "name": "b", "uid": 7}},
        pod() | {"spec": ["tolerations"]},
    ],
)
def test_a_pod_that_no_server_has_stored_is_told_of_nobody(sent: dict[str, Any]) -> None:
    teller = Teller(Prompt(cluster := FakeCluster()), cluster.node)

    teller.note(sent, refusals())

    assert teller.waiting == 0


@pytest.mark.parametrize("status", ["Pending", ["conditions"], {"conditions": "no"}])
def test_what_else_is_wrong_with_a_pod_ends_nothing(status: object) -> None:
    cluster = FakeCluster(nodes={"a": drained_node("a")})
    teller = Teller(Prompt(cluster), cluster.node)

    teller.note(pod("waits") | {"status": status}, refusals())
    teller.run(lambda: len(cluster.events) > 0)

    assert [name for _, name, _ in cluster.events] == ["waits"]


def asks(**amounts: str) -> dict[str, Any]:
    return {"resources": {"requests": amounts}}


def test_a_pod_may_ask_as_a_whole_in_place_of_its_containers() -> None:
    gpus = {"nvidia.com/gpu": "8"}
    spec = asks(cpu="4", memory="1Ki") | {"containers": [asks(cpu="1", **gpus), asks(cpu="500m")]}

    assert read_request(spec) == {"cpu": 4000, "memory": 1024, "nvidia.com/gpu": 8}
    assert read_request(spec | {"overhead": {"cpu": "250m"}})["cpu"] == 4250


def test_credentials_that_are_gone_are_a_right_that_lacks() -> None:
    settings = client.Configuration()

    def renew(_settings: client.Configuration) -> None:
        raise ConfigException("token file\nis empty")

    settings.refresh_api_key_hook = renew
    settings.api_key["authorization"] = "Bearer old"

    with pytest.raises(Forbidden, match="no credentials for the request: token file is empty"):
        Kube(settings).node("a")


@pytest.mark.parametrize(
    ("flags", "says"),
    [
        (("--gangs.site-tier", "x"), "'x' is not a tier from 0 to 7, or -1"),
        (("--gangs.site-tier", "8"), "'8' is not a tier from 0 to 7, or -1"),
        (("--gangs.site-tier", "٣"), "is not a tier from 0 to 7"),
    ],
)
def test_what_is_no_tier_is_said_so(flags: tuple[str, ...], says: str) -> None:
    made = parser("tool", "Does things.")
    add_flags(made, Settings)

    with pytest.raises(UsageError, match=says):
        made.parse_args(flags)


def test_a_tier_or_none_is_taken() -> None:
    made = parser("tool", "Does things.")
    add_flags(made, Settings)

    assert build(Settings, made.parse_args(["--gangs.site-tier=-1"])).gang_site_tier == -1
    assert build(Settings, made.parse_args(["--gangs.site-tier", "7"])).gang_site_tier == 7


@pytest.mark.parametrize(
    ("phase", "ended"), [("Succeeded", True), ("Failed", True), ("Running", False), ("", False)]
)
def test_a_pod_has_ended_by_its_phase(phase: str, ended: bool) -> None:  # noqa: FBT001 - a case
    assert has_ended(pod(phase=phase)) is ended


def test_a_pod_without_a_status_has_not_ended() -> None:
    assert not has_ended({"metadata": {}, "status": None})


MOST = "9223372036854775807"
"""As much as a quantity can be; anybody may write it on a pod that names its node itself."""


def greedy(name: str, **amounts: str) -> dict[str, Any]:
    """Return a pod on node a that asks for absurd amounts, in each of two containers."""
    found = pod(name, phase="Pending")
    found["spec"] |= {"nodeName": "a", "containers": [asks(**amounts), asks(**amounts)]}
    return found


def sharing_node() -> dict[str, Any]:
    found = node("a", labels={"kubernetes.io/hostname": "a"})
    amounts = {"cpu": "8", "memory": "1Ti", "railwatch.io/gpu-milli": "2000"}
    found["status"]["allocatable"] = {**amounts, "railwatch.io/gpu-memory-mib": "100", "pods": "9"}
    return found


@pytest.mark.parametrize("preset", PRESETS)
def test_a_pod_that_asks_for_more_than_there_can_be_leaves_the_others_their_answers(
    preset: str,
) -> None:
    names = names_of(preset)
    roster = Roster(names)
    roster.put(found := sharing_node(), assess(found))
    stock = Stock(roster, names, stale_after=60)
    asked = {names.memory.name: MOST, "cpu": MOST, "memory": MOST, "nvidia.com/gpu": "1"}
    for at in range(5):
        stock.put(greedy(f"greedy-{at}", **asked))

    with roster.lock:
        free = stock.free()

    assert free.cpu[roster.at["a"]] < 0
    assert free.memory[roster.at["a"]] < 0


def test_however_much_is_asked_for_no_node_has_room_for_it() -> None:
    resources = ("cpu", "memory", "railwatch.io/gpu-milli")
    pods = [greedy(f"greedy-{at}", **dict.fromkeys(resources, MOST)) for at in range(5)]
    claims = [claim for claim in map(read_claim, pods) if claim is not None]

    fleet = build_fleet([read_host(sharing_node())], claims)

    assert all(fleet.free[0, fleet.resources.index(each)] < 0 for each in resources)
    assert fleet.room({"cpu": 1}).tolist() == [0]


UID = {"reason": "FieldValueInvalid", "field": "metadata.uid"}
POLICY = {"message": "the policy says no"}
OTHER = {"field": "spec.taints"}


@pytest.mark.parametrize(
    ("status", "details", "kind"),
    [
        (422, {"causes": [UID]}, Conflict),
        (422, {"causes": [OTHER, UID]}, Conflict),
        (422, {"causes": [POLICY]}, Invalid),
        (422, {"causes": [OTHER]}, Invalid),
        (422, None, Invalid),
        (403, {"causes": [UID]}, Forbidden),
    ],
)
def test_what_the_server_says_is_kept_and_another_uid_is_a_conflict(
    status: int, details: object, kind: type[KubeError]
) -> None:
    body = json.dumps({"message": "no: because", "details": details}).encode()

    error = from_answer(status, body)

    assert (type(error), str(error)) == (kind, "no: because")


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b'{"message":"a","details":7}', b"\xff"])
def test_an_answer_that_says_nothing_is_told_by_its_status(body: bytes) -> None:
    error = from_answer(503, body)

    assert (type(error), str(error)) == (ServerError, "HTTP 503")
