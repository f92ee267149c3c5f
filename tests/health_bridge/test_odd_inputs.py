"""What is odd and legal: long names, times that are none, parts of answers, parts of GPUs."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from health_bridge.cluster.apply import Writer
from health_bridge.cluster.errors import Conflict, Superseded
from health_bridge.cluster.slices import newest, read_slice
from health_bridge.decision.alerts import read_prometheus, without_state
from health_bridge.decision.decide import decide
from health_bridge.decision.fencing import STEADY
from health_bridge.decision.nodes import Node, Taint, read_node
from health_bridge.decision.record import parse_time, read_record
from health_bridge.decision.sight import Questions, Sight, Witness
from health_bridge.poll import Poll, Round
from health_bridge.sources import Endpoint, Prometheus, Sample, SourceError
from tests.budget import examples
from tests.health_bridge.worlds import (
    FOREIGN,
    KEYS,
    KNOWN,
    NOW,
    SOURCE,
    document,
    link_down,
    lost_gpu,
    node,
    our_taints,
    policy,
    sight,
    written,
)

LONGEST = ".".join(("n" * 63, "m" * 63, "o" * 63, "p" * 61))
"""As long as a node's name may be."""


def firing(node_name: str) -> dict[str, str]:
    return {
        "node": node_name,
        "uuid": "GPU-1",
        "fault": "GpuFellOffBus",
        "condition": "GpuUnavailable",
        "verdict": "drain",
        "alertstate": "firing",
    }


@pytest.mark.parametrize(
    ("name", "skipped"), [(LONGEST, {}), (LONGEST + "p", {"malformed": 1})], ids=["253", "254"]
)
def test_an_alert_names_a_node_as_long_as_kubernetes_lets_it_be(
    name: str, skipped: Mapping[str, int]
) -> None:
    told = read_prometheus([firing(name)], KNOWN, "", {})

    assert [found.node for found in told.findings] == ([] if skipped else [LONGEST])
    assert told.skipped == skipped


class Told(Prometheus):
    """A Prometheus that answers every query with the same series."""

    def __init__(self, *values: float) -> None:
        super().__init__(Endpoint(SOURCE, 1.0))
        self.values = values

    def query(self, promql: str) -> list[Sample]:  # noqa: ARG002 - whatever is asked
        return [Sample(labels={"node": "a"}, value=value) for value in self.values]


def booted(*values: float) -> Mapping[str, float]:
    poll = Poll([], [Told(*values)], KNOWN, cluster="", timeout=1.0)
    so_far = Round(sight=Sight(now=NOW, witnesses={SOURCE: Witness()}))
    try:
        seen = poll.proofs(so_far, Questions(boots=frozenset({"a"})))
    finally:
        poll.close()
    return seen.sight.witnesses[SOURCE].boot_times


@pytest.mark.parametrize("wrong", [float("nan"), float("inf"), float("-inf")])
def test_a_boot_time_that_is_none_tells_nothing(wrong: float) -> None:
    assert booted(wrong) == {}
    assert booted(wrong, NOW) == {"a": NOW}


def test_a_node_that_was_taken_out_of_our_hands_is_not_written_any_more() -> None:
    (plan,) = decide([node("a")], sight(lost_gpu("a"), nodes="a"), policy(), {}).plans
    nodes = Released(replace(plan.node, managed=False, version="2"))
    writer = Writer(nodes, lambda: True, lambda: None)

    with pytest.raises(Superseded, match="changed since the decision"):
        writer.take(plan, NOW)

    assert nodes.taken == []


class Released:
    """A kube-apiserver that has a newer version of the one node than was decided on."""

    def __init__(self, newer: Node) -> None:
        self.newer = newer
        self.taken: list[Mapping[str, Any]] = []

    def node(self, name: str) -> Node:
        assert name == self.newer.name
        return self.newer

    def patch_node(self, name: str, patch: Mapping[str, Any]) -> Node:
        return self._patch(name, patch)

    def patch_status(self, name: str, patch: Mapping[str, Any]) -> Node:
        return self._patch(name, patch)

    def _patch(self, name: str, patch: Mapping[str, Any]) -> Node:
        if patch["metadata"]["resourceVersion"] != self.newer.version:
            raise Conflict(f"node {name}")
        self.taken.append(patch)
        return self.newer


def test_a_node_that_only_others_wrote_on_is_written() -> None:
    (plan,) = decide([node("a")], sight(lost_gpu("a"), nodes="a"), policy(), {}).plans
    nodes = Released(replace(plan.node, cordoned=True, version="2"))

    Writer(nodes, lambda: True, lambda: None).take(plan, NOW)

    assert nodes.taken


def labelled(**labels: str) -> Node:
    """Return a node as it is read, with two GPUs that are four each for pods."""
    told = document(node("a"))
    told["metadata"]["labels"] |= {key.replace("__", "/"): text for key, text in labels.items()}
    told["status"] |= {"capacity": {"nvidia.com/gpu": "8"}, "allocatable": {"nvidia.com/gpu": "4"}}
    return read_node(told, KEYS)


def tainted(at: Node, *gpus: str) -> bool:
    """Whether a node is tainted for its GPUs though fewer have been offered for a while."""
    seen = sight(*(lost_gpu("a", device=gpu) for gpu in gpus), nodes="a", now=NOW + STEADY)
    decision = decide([at], seen, policy(), {("a", "gpus=4/8"): float(NOW)})
    return bool(our_taints(written([at], decision)[0]))


SHARED = {"nvidia.com__gpu.replicas": "4", "nvidia.com__gpu.product": "H100-SHARED"}
SPLIT = {"nvidia.com__gpu.product": "NVIDIA-H100-80GB-HBM3-MIG-1g.10gb"}


@pytest.mark.parametrize(
    ("labels", "one", "two"),
    [
        ({}, False, False),
        (SHARED, False, True),
        (SPLIT, False, True),
        ({"nvidia.com__gpu.replicas": "x"}, False, False),
        ({"nvidia.com__gpu.replicas": "0"}, False, False),
    ],
    ids=["whole", "in time", "MIG", "senseless", "none"],
)
def test_a_plugin_that_shares_gpus_fences_as_many_as_it_has_taken_whole(
    labels: dict[str, str],
    one: bool,  # noqa: FBT001 - a case
    two: bool,  # noqa: FBT001 - a case
) -> None:
    at = labelled(**labels)

    assert tainted(at, "GPU-1") is one
    assert tainted(at, "GPU-1", "GPU-2") is two


def answering(answer: Mapping[str, Any]) -> Prometheus:
    class Answering(Endpoint):
        def post(self, path: str, fields: Mapping[str, str]) -> Any:  # noqa: ARG002 - as it is asked
            empty = {"resultType": "vector", "result": []}
            return {"status": "success", "data": empty, **answer}

    return Prometheus(Answering(SOURCE, 1.0))


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        ({"warnings": ["receive series from store-1:\n rpc error"]}, "store-1: rpc error"),
        ({"warnings": ["PromQL warning: a mix", "remote_read: 503"]}, "remote_read: 503"),
        ({"isPartial": True}, "isPartial"),
    ],
)
def test_a_part_of_an_answer_is_none(answer: Mapping[str, Any], why: str) -> None:
    with pytest.raises(SourceError, match=f"only a part: .*{why}"):
        answering(answer).query("up")


@pytest.mark.parametrize(
    "answer",
    [
        {"warnings": ["PromQL info: metric might not be a counter"], "infos": ["PromQL info: x"]},
        {"warnings": []},
        {"isPartial": False},
    ],
)
def test_what_the_engine_notes_of_the_query_takes_nothing_away(answer: Mapping[str, Any]) -> None:
    assert answering(answer).query("up") == []


def a_slice(*devices: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "metadata": {"name": "s"},
        "spec": {"nodeName": "a", "driver": "gpu.nvidia.com", "pool": {"name": "a"},
                 "devices": list(devices)},
    }  # fmt: skip


def device(name: str, **attributes: str) -> dict[str, Any]:
    return {"name": name, "attributes": {key: {"string": it} for key, it in attributes.items()}}


def counting(found: dict[str, Any]) -> dict[str, Any]:
    return found | {"consumesCounters": [{"counterSet": "gpu-0-counter-set", "counters": {}}]}


def old(found: dict[str, Any]) -> dict[str, Any]:
    """Return a device as it stood before v1beta2."""
    return {"name": found["name"], "basic": {k: v for k, v in found.items() if k != "name"}}


def gpus(*devices: Mapping[str, Any]) -> Iterator[str]:
    return (uuid for uuid, _ in newest([read_slice(a_slice(*devices))]))


WHOLE = device("gpu-0", uuid="GPU-0")
OTHER = device("gpu-1", uuid="GPU-1")
PART = device("gpu-0-mig-1g", uuid="MIG-0", parentUUID="GPU-0")


@pytest.mark.parametrize(
    ("devices", "alone"),
    [
        ((WHOLE, OTHER), ["GPU-0", "GPU-1"]),
        ((WHOLE, OTHER, PART), ["GPU-1", "MIG-0"]),
        ((PART,), ["MIG-0"]),
        ((WHOLE, OTHER, device("gpu-vfio-0", uuid="GPU-0")), ["GPU-1"]),
        ((counting(WHOLE), OTHER), ["GPU-1"]),
        ((old(counting(WHOLE)), old(OTHER)), ["GPU-1"]),
    ],
    ids=["whole", "with a partition", "partitions", "twice", "to be parted", "of an older server"],
)
def test_only_a_gpu_that_is_one_device_can_be_fenced_by_that(
    devices: tuple[dict[str, Any], ...], alone: list[str]
) -> None:
    assert list(gpus(*devices)) == alone


def of_a_later_version(at: Node, *where: str) -> Node:
    """Return a node whose annotations tell of a condition that is not known here."""
    told = {name: str(getattr(at, name)).replace("GpuUnavailable", "GpuFuture") for name in where}
    return replace(at, **told)  # type: ignore[arg-type] # both are texts


@pytest.mark.parametrize("where", [("devices",), ("owned",), ("devices", "owned")])
def test_a_condition_of_a_later_version_stops_nobody(where: tuple[str, ...]) -> None:
    """The bridge was set back to this version, or somebody has edited the annotation."""
    lost = sight(lost_gpu("a"), nodes="ab")
    later = Taint(key="railwatch.io/gpu-future", value="drain", effect="NoSchedule")
    before, _ = written([node("a"), node("b")], decide([node("a"), node("b")], lost, policy(), {}))
    stranger = replace(of_a_later_version(before, *where), taints=(*before.taints, later))

    both = sight(lost_gpu("a"), lost_gpu("b"), nodes="ab")
    nodes = [stranger, node("b")]
    after, other = written(nodes, decide(nodes, both, policy(), {}))

    assert our_taints(other) == {"gpu-unavailable": ("drain", "NoSchedule")}
    assert after.conditions["GpuUnavailable"].status == "True"
    assert later in after.taints


def test_what_a_later_version_told_is_no_reason_to_heal() -> None:
    (before,) = written(
        [node("a")], decide([node("a")], sight(lost_gpu("a"), nodes="a"), policy(), {})
    )
    stranger = of_a_later_version(before, "devices")

    (after,) = written([stranger], decide([stranger], sight(nodes="a"), policy(), {}))

    assert after.conditions["GpuUnavailable"].reason == "GpuUnavailableRecordLost"
    assert our_taints(after) == our_taints(before)


@pytest.mark.parametrize(
    ("value", "since"),
    [(float("nan"), None), (float("inf"), None), (-1e300, None), (1_700_000_000.9, 1_700_000_000)],
)
def test_an_alert_whose_beginning_is_no_time_is_an_alert_all_the_same(
    value: float, since: int | None
) -> None:
    told = firing("a")
    began = {without_state(told): value}

    (found,) = read_prometheus([told], KNOWN, "", began).findings

    assert found.since == since


@pytest.mark.parametrize("year", ["0001", "0100", "1969", "9999"])
def test_an_alert_that_anybody_dates_far_back_leaves_the_annotation_readable(year: str) -> None:
    began = parse_time(f"{year}-01-02T03:04:05Z")
    seen = sight(lost_gpu("a", since=began, confirmed=False), nodes="a")

    (after,) = written([node("a")], decide([node("a")], seen, policy(), {}))

    record = read_record(after.devices, after.owned)
    assert not record.damaged
    assert [fault.since for fault in record.faults] == [min(began, NOW)]


ODD = ("", "x", "GpuFuture", "x" * 300, "domain:", "domain:leaf-1", "line:", "node", "é\u2028")
TIMES = ("2027-01-15T07:59:00Z", "0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z", "2027", "x")


def text(*right: str) -> st.SearchStrategy[Any]:
    return st.one_of(
        *[st.sampled_from(right)] * 4, st.sampled_from(ODD), st.sampled_from((7, None))
    )


FAULTS = st.fixed_dictionaries(
    {
        "name": text("GPU 3", "mlx5_0/1"),
        "condition": text(
            "GpuUnavailable", "RdmaLinkDown", "FabricFault", "AcceleratorsUnverified"
        ),
        "verdict": text("observe", "avoid", "cordon", "drain"),
        "action": text("applied", "withheld", "blind"),
        "fault": text(
            "GpuFellOffBus", "RdmaLinkDown", "NodesFailTogether", "AcceleratorsUnverified"
        ),
        "since": text(*TIMES),
    },
    optional={
        "state": text("blind", "awaiting_reboot"),
        "withheld_by": text("fleet", "pause", "tier-0", "label:pool", "domain:leaf-1", "fallback"),
        "fence": text("rule", "plugin"),
    },
)
PAST = st.fixed_dictionaries(
    {"device": text("GPU-a"), "fault": text("GpuFellOffBus"), "last": text(*TIMES),
     "count": st.sampled_from((1, 2, 10**30, 0, "x"))}
)  # fmt: skip
DEVICES = st.dictionaries(
    st.sampled_from(("GPU-a", "guid-a", "domain:leaf-1", *ODD)),
    st.lists(FAULTS, max_size=2),
    max_size=3,
)
OWNED = st.fixed_dictionaries(
    {},
    optional={
        "taints": st.lists(text("railwatch.io/gpu-unavailable"), max_size=2),
        "conditions": st.dictionaries(
            st.sampled_from(("GpuUnavailable", "RdmaLinkDown", *ODD)),
            text("True", "False", "Unknown"),
        ),
        "sources": st.lists(text(SOURCE, "http://gone"), max_size=2),
        "taken": text(*TIMES),
        "arrival": st.fixed_dictionaries(
            {"selector": text("s"), "since": text(*TIMES), "new": st.booleans(), "boot": text("b")}
        ),
    },
)


@given(DEVICES, st.lists(PAST, max_size=2), OWNED, st.booleans(), st.booleans())
@settings(max_examples=examples(150), deadline=None)
def test_whatever_one_nodes_annotations_say_the_others_are_looked_after(
    devices: dict[str, Any],
    past: list[dict[str, Any]],
    owned: dict[str, Any],
    verify: bool,  # noqa: FBT001 - a case
    paused: bool,  # noqa: FBT001 - a case
) -> None:
    odd = node(
        "a",
        devices=json.dumps({**devices, "history": past}),
        owned=json.dumps(owned),
        tiers={0: "leaf-1"},
        boot="boot-2",
        verified_boot="boot-1",
        taints=(FOREIGN,),
    )
    under = policy(verify_nodes=verify, paused=paused)
    nodes = [odd, node("b"), node("c", boot="boot-1")]
    seen = sight(lost_gpu("b"), link_down("a"), nodes="abc")

    for _ in range(2):
        nodes = written(nodes, decide(nodes, seen, under, {}))

    assert nodes[1].conditions["GpuUnavailable"].status == "True"
    assert bool(our_taints(nodes[1])) is not paused
    assert FOREIGN in nodes[0].taints
    assert decide(nodes, seen, under, {}).plans == ()
