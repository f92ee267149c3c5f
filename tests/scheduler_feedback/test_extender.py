"""The extender protocol, with JSON exactly as kube-scheduler sends it."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from program.web import Request, Response
from scheduler_feedback.cache import NodeCache
from scheduler_feedback.extender import Extender
from scheduler_feedback.metrics import Metrics
from tests.budget import examples
from tests.scheduler_feedback.fakes import Clock
from tests.scheduler_feedback.objects import asked, drained_node, fault, node, request

POD = {
    "metadata": {"name": "rank-0", "namespace": "default", "uid": "1", "creationTimestamp": None},
    "spec": {
        "containers": [{"name": "rank", "resources": {"limits": {"nvidia.com/gpu": "8"}}}],
        "tolerations": [
            {
                "key": "node.kubernetes.io/not-ready",
                "operator": "Exists",
                "effect": "NoExecute",
                "tolerationSeconds": 300,
            }
        ],
        "schedulerName": "railwatch-scheduler",
    },
    "status": {"phase": "Pending"},
}


class Desk:
    """An extender over a few nodes, asked as kube-scheduler asks."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.nodes = NodeCache(stale_after=60.0, clock=self.clock)
        self.metrics = Metrics(self.nodes)
        self.extender = Extender(self.nodes, self.metrics)

    def know(self, *nodes: dict[str, Any]) -> None:
        self.nodes.replace(nodes)

    def filter(self, names: list[str], pod: Any = POD) -> dict[str, Any]:
        answer = self.extender.filter(asked({"Pod": pod, "Nodes": None, "NodeNames": names}))
        assert answer.status == 200
        result: dict[str, Any] = json.loads(answer.body)
        return result

    def preempt(self, victims: dict[str, Any], pod: Any = POD) -> dict[str, Any]:
        answer = self.extender.preempt(asked({"Pod": pod, "NodeNameToMetaVictims": victims}))
        assert answer.status == 200
        result: dict[str, Any] = json.loads(answer.body)["NodeNameToMetaVictims"]
        return result

    def prioritize(self, names: list[str]) -> list[dict[str, Any]]:
        answer = self.extender.prioritize(asked({"Pod": POD, "Nodes": None, "NodeNames": names}))
        assert answer.status == 200
        result: list[dict[str, Any]] = json.loads(answer.body)
        return result

    def exposition(self) -> str:
        return self.metrics.expose(request(b"")).body.decode()


@pytest.fixture
def desk() -> Desk:
    return Desk()


def test_the_answer_has_gos_field_names_and_only_names(desk: Desk) -> None:
    desk.know(node("a"), drained_node("b"))

    assert desk.filter(["b", "a", "new"]) == {
        "Nodes": None,
        "NodeNames": ["a", "new"],
        "FailedNodes": {},
        "FailedAndUnresolvableNodes": {"b": "railwatch: GpuUnavailable (drain)"},
        "Error": "",
    }


def test_when_all_are_refused_the_list_is_empty_and_not_null(desk: Desk) -> None:
    desk.know(drained_node("b"))

    assert desk.filter(["b"])["NodeNames"] == []


def test_a_pod_without_a_spec_is_one_without_tolerations(desk: Desk) -> None:
    desk.know(drained_node("b"))

    assert desk.filter(["b"], pod={"metadata": {"name": "x"}, "spec": None})["NodeNames"] == []


def test_a_tolerant_pod_passes(desk: Desk) -> None:
    desk.know(drained_node("b"))
    tolerant = {**POD, "spec": {"tolerations": [{"operator": "Exists"}]}}

    assert desk.filter(["b"], pod=tolerant)["NodeNames"] == ["b"]


def test_priorities_come_in_the_order_asked(desk: Desk) -> None:
    desk.know(node("clean"), node("worn", faults=[fault("avoid", "withheld")]))

    assert desk.prioritize(["worn", "new", "clean"]) == [
        {"Host": "worn", "Score": 7},
        {"Host": "new", "Score": 8},
        {"Host": "clean", "Score": 10},
    ]


def test_priorities_are_of_those_asked_about_whatever_the_filter_passed_before(desk: Desk) -> None:
    desk.know(node("clean"), node("worn", faults=[fault("avoid", "withheld")]), drained_node("b"))
    for passed in (["worn", "clean"], ["clean", "worn"], ["clean"]):
        answer = desk.extender.filter(as_go_writes([*passed, "b"]))
        assert json.loads(answer.body)["NodeNames"] == passed

        for names in (["worn", "clean"], ["clean", "worn"], ["clean"]):
            ranked = json.loads(desk.extender.prioritize(as_go_writes(names)).body)
            assert sorted(entry["Host"] for entry in ranked) == sorted(names)


def test_of_a_long_list_only_what_differs_is_told_and_by_how_much(desk: Desk) -> None:
    names = [f"node-{number:03}" for number in range(150)]
    worn = node("node-007", faults=[fault("avoid", "withheld")])
    desk.know(*(node(name) for name in names if name not in ("node-007", "node-009")), worn)

    ranked = json.loads(desk.extender.prioritize(as_go_writes(names)).body)
    short = json.loads(desk.extender.prioritize(as_go_writes(names[:10])).body)

    assert ranked == [{"Host": "node-007", "Score": -3}, {"Host": "node-009", "Score": -2}]
    assert [entry["Score"] for entry in short] == [10] * 7 + [7, 10, 8]


KINDS = {"clean": 10, "unseen": 8, "avoid": 7, "cordon": 4}


@settings(max_examples=examples(20), deadline=None)
@given(st.lists(st.sampled_from([*KINDS]), min_size=51, max_size=70))
def test_a_long_lists_priorities_differ_as_those_of_a_short_one_do(kinds: list[str]) -> None:
    desk = Desk()
    scores = {f"node-{number:02}": KINDS[kind] for number, kind in enumerate(kinds)}
    faults = {"clean": [], "avoid": [fault("avoid", "withheld")]}
    faults["cordon"] = [fault("cordon", "withheld")]
    told = [(name, kind) for name, kind in zip(scores, kinds, strict=True) if kind != "unseen"]
    desk.know(*(node(name, faults=faults[kind]) for name, kind in told))

    found = {entry["Host"]: entry["Score"] for entry in desk.prioritize([*scores])}

    [base] = {points - found.get(name, 0) for name, points in scores.items()}
    assert base in KINDS.values()


def as_go_writes(names: list[str]) -> Request:
    document = {"Pod": POD, "Nodes": None, "NodeNames": names}
    return request(json.dumps(document, separators=(",", ":")).encode())


def test_before_the_first_list_everything_passes_alike_and_is_counted(desk: Desk) -> None:
    assert desk.filter(["b", "a"])["NodeNames"] == ["b", "a"]
    assert {entry["Score"] for entry in desk.prioritize(["b", "a"])} == {8}
    assert 'railwatch_scheduler_unchecked_requests_total{verb="filter"} 1.0' in desk.exposition()


def test_without_word_from_the_server_for_too_long_everything_passes(desk: Desk) -> None:
    desk.know(drained_node("b"))

    desk.clock.now += 60
    assert desk.filter(["b"])["NodeNames"] == []
    desk.clock.now += 1
    assert desk.filter(["b"])["NodeNames"] == ["b"]
    desk.nodes.vouch()
    assert desk.filter(["b"])["NodeNames"] == []


VICTIMS = {"Pods": [{"UID": "u-1"}, {"UID": "u-2"}], "NumPDBViolations": 1}


def test_nobody_is_killed_on_a_refused_node_and_the_others_victims_stay_as_they_are(
    desk: Desk,
) -> None:
    desk.know(node("a"), drained_node("b"))
    new = {"Pods": [{"UID": "u-4"}], "NumPDBViolations": 0}

    left = desk.preempt({"a": VICTIMS, "b": {"Pods": [{"UID": "u-3"}]}, "new": new})

    assert left == {"a": VICTIMS, "new": new}


def test_a_tolerant_pod_may_preempt_where_others_may_not(desk: Desk) -> None:
    desk.know(drained_node("b"))
    tolerant = {**POD, "spec": {"tolerations": [{"operator": "Exists"}]}}

    assert desk.preempt({"b": VICTIMS}) == {}
    assert desk.preempt({"b": VICTIMS}, pod=tolerant) == {"b": VICTIMS}


def test_without_a_fresh_cache_preemption_is_not_held_up(desk: Desk) -> None:
    assert desk.preempt({"b": VICTIMS}) == {"b": VICTIMS}
    assert 'railwatch_scheduler_unchecked_requests_total{verb="preempt"} 1.0' in desk.exposition()


def test_a_preemption_that_makes_no_sense_is_a_400_that_says_why(desk: Desk) -> None:
    answer = desk.extender.preempt(asked({"Pod": POD}))

    assert answer.status == 400
    assert "NodeNameToMetaVictims" in json.loads(answer.body)["Error"]


BAD = [
    (b"", "not JSON"),
    (b"{", "not JSON"),
    (b"\xff\xfe", "not JSON"),
    (b"[" * 200_000, "not JSON"),
    (b"[]", "not a JSON object"),
    (b"{}", "Pod"),
    (b'{"Pod":null,"NodeNames":["a"]}', "Pod"),
    (b'{"Pod":{"spec":7},"NodeNames":["a"]}', "tolerations"),
    (b'{"Pod":{"spec":{"tolerations":7}},"NodeNames":["a"]}', "tolerations"),
    (b'{"Pod":{"spec":{"tolerations":[7]}},"NodeNames":["a"]}', "tolerations"),
    (b'{"Pod":{"spec":{"tolerations":[{"key":[1]}]}},"NodeNames":["a"]}', "tolerations"),
    (b'{"Pod":{},"Nodes":null,"NodeNames":null}', "NodeNames"),
    (b'{"Pod":{},"NodeNames":[]}', "NodeNames: empty"),
    (b'{"Pod":{},"NodeNames":"a"}', "NodeNames"),
    (b'{"Pod":{},"NodeNames":["a",1]}', "NodeNames"),
    (b'{"Pod":{},"Nodes":{"items":[]},"NodeNames":null}', "nodeCacheCapable: true"),
]


@pytest.mark.parametrize(("body", "says"), BAD)
@pytest.mark.parametrize("verb", ["filter", "prioritize"])
def test_a_request_that_makes_no_sense_is_answered_with_what_is_wrong(
    desk: Desk, verb: str, body: bytes, says: str
) -> None:
    answer: Response = getattr(desk.extender, verb)(request(body))

    assert answer.status == 400
    assert says in json.loads(answer.body)["Error"]
    counted = f'railwatch_scheduler_requests_total{{code="400",verb="{verb}"}} 1.0'
    assert counted in desk.exposition()


def test_a_huge_request_is_refused_by_its_size(desk: Desk) -> None:
    answer = desk.extender.filter(request(b"", too_large=True))

    assert answer.status == 413
    assert "longer than" in json.loads(answer.body)["Error"]


def test_refusals_are_counted_by_condition(desk: Desk) -> None:
    desk.know(drained_node("a"), drained_node("b"))

    desk.filter(["a", "b"])

    assert 'railwatch_scheduler_refusals_total{condition="GpuUnavailable"} 2.0' in desk.exposition()


def with_gpus(of: dict[str, Any], capacity: object) -> dict[str, Any]:
    of["status"]["capacity"] = {"nvidia.com/gpu": capacity}
    return of


def test_gpus_of_refused_nodes_count_as_withheld_by_their_worst_condition(desk: Desk) -> None:
    metric = 'railwatch_scheduler_gpu_withheld{condition="GpuUnavailable"}'
    assert metric not in desk.exposition()

    desk.know(
        with_gpus(drained_node("a"), "8"),
        with_gpus(drained_node("b"), "4"),
        with_gpus(drained_node("odd"), "4k"),
        with_gpus(node("fit"), "8"),
        node("none"),
    )

    assert f"{metric} 12.0" in desk.exposition()
    assert 'railwatch_scheduler_gpu_withheld{condition="RdmaLinkDown"} 0.0' in desk.exposition()
    desk.clock.now += 61
    assert metric not in desk.exposition()


_json = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=8,
)


_FIELDS = ("Pod", "Nodes", "NodeNames", "NodeNameToVictims", "NodeNameToMetaVictims")


@settings(deadline=None)
@given(st.fixed_dictionaries({}, optional=dict.fromkeys(_FIELDS, _json)))
def test_no_json_crashes_the_extender(document: dict[str, Any]) -> None:
    desk = Desk()
    desk.know(node("a"))

    assert desk.extender.filter(asked(document)).status in (200, 400)
    assert desk.extender.prioritize(asked(document)).status in (200, 400)
    assert desk.extender.preempt(asked(document)).status in (200, 400)


@settings(deadline=None)
@given(
    st.fixed_dictionaries(
        {}, optional=dict.fromkeys(("key", "operator", "value", "effect", "else"), _json)
    ),
    st.lists(st.text(min_size=1, max_size=8), min_size=1, max_size=5),
)
def test_whatever_the_toleration_and_names_the_answer_is_a_subset(
    toleration: dict[str, Any], names: list[str]
) -> None:
    desk = Desk()
    desk.know(*(drained_node(name) for name in names[:2]))
    pod = {"spec": {"tolerations": [toleration]}}
    body = asked({"Pod": pod, "Nodes": None, "NodeNames": names})

    answer = desk.extender.filter(body)

    assert answer.status in (200, 400)
    if answer.status == 200:
        result = json.loads(answer.body)
        refused = result["FailedAndUnresolvableNodes"]
        assert result["NodeNames"] == [name for name in names if name not in refused]
        ranked = json.loads(desk.extender.prioritize(body).body)
        assert [entry["Host"] for entry in ranked] == names
