"""DaemonSets that our taints would keep off their nodes, and what is made of them."""

import logging
from collections.abc import Iterable, Mapping
from typing import Any

import pytest

from health_bridge.cluster.errors import Denied, KubeError
from health_bridge.tolerate import DONE, EVERY, FAILED, Survey, Tolerance, intolerant
from tests.health_bridge.worlds import KEYS

NODES = [
    ("gpu-1", {"nvidia.com/gpu.present": "true", "count": "8"}),
    ("gpu-2", {"nvidia.com/gpu.present": "true", "count": "4"}),
    ("cpu-1", {"count": "many"}),
]


def daemon_set(name: str = "plugin", *tolerations: Any, **pod: Any) -> dict[str, Any]:
    spec = {"tolerations": list(tolerations), **pod}
    return {
        "metadata": {"name": name, "namespace": "ops"},
        "spec": {"template": {"spec": spec}},
    }


def affinity(*terms: Any) -> dict[str, Any]:
    required = {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": terms}}
    return {"nodeAffinity": required}


def where(key: str, operator: str, *values: str) -> dict[str, Any]:
    return {"matchExpressions": [{"key": key, "operator": operator, "values": list(values)}]}


def on(document: dict[str, Any]) -> set[str]:
    return set(intolerant([document], NODES, KEYS)[1])


EXISTS = {"operator": "Exists"}
GPU = {"key": "nvidia.com/gpu", "operator": "Exists", "effect": "NoSchedule"}


def test_one_that_tolerates_only_the_gpu_taint_is_named_with_its_nodes() -> None:
    found, nodes = intolerant(
        [
            daemon_set("plugin", GPU, nodeSelector={"nvidia.com/gpu.present": "true"}),
            daemon_set("exporter", EXISTS),
        ],
        NODES,
        KEYS,
    )

    (one,) = found
    assert (one.name, one.nodes, one.some) == ("ops/plugin", 2, ("gpu-1", "gpu-2"))
    assert set(one.keys) == KEYS.taints
    assert nodes == {"gpu-1", "gpu-2"}


def every(**fields: str) -> list[dict[str, str]]:
    return [{"key": key, **fields} for key in sorted(KEYS.taints)]


@pytest.mark.parametrize(
    ("tolerations", "tolerates"),
    [
        ([EXISTS], True),
        ([{"operator": "Exists", "effect": "NoSchedule"}], True),
        ([{"operator": "Exists", "effect": "NoExecute"}], False),
        (every(operator="Exists"), True),
        (every(operator="Exists")[1:], False),
        (every(operator="Equal", value="drain"), False),
        (every(value="drain") + every(value="cordon"), True),
        ([{"key": "railwatch.io/", "operator": "Exists"}], False),
        ([], False),
    ],
)
def test_every_key_has_to_be_tolerated_with_either_verdict(
    tolerations: list[dict[str, str]],
    tolerates: bool,  # noqa: FBT001 - a value, not a switch
) -> None:
    assert (on(daemon_set("x", *tolerations)) == set()) is tolerates


@pytest.mark.parametrize(
    ("pod", "names"),
    [
        ({}, {"gpu-1", "gpu-2", "cpu-1"}),
        ({"nodeSelector": {"nvidia.com/gpu.present": "false"}}, set()),
        ({"affinity": {}}, {"gpu-1", "gpu-2", "cpu-1"}),
        ({"affinity": affinity(where("count", "In", "8", "2"))}, {"gpu-1"}),
        ({"affinity": affinity(where("count", "NotIn", "8"))}, {"gpu-2", "cpu-1"}),
        ({"affinity": affinity(where("nvidia.com/gpu.present", "Exists"))}, {"gpu-1", "gpu-2"}),
        ({"affinity": affinity(where("nvidia.com/gpu.present", "DoesNotExist"))}, {"cpu-1"}),
        ({"affinity": affinity(where("count", "Gt", "4"))}, {"gpu-1"}),
        ({"affinity": affinity(where("count", "Lt", "8"))}, {"gpu-2"}),
        ({"affinity": affinity(where("count", "Sounds", "8"))}, {"gpu-1", "gpu-2", "cpu-1"}),
        (
            {"affinity": affinity(where("count", "In", "8"), where("count", "In", "4"))},
            {"gpu-1", "gpu-2"},
        ),
        ({"affinity": affinity({})}, set()),
        (
            {
                "affinity": affinity(
                    {
                        "matchFields": [
                            {"key": "metadata.name", "operator": "In", "values": ["cpu-1"]}
                        ]
                    }
                )
            },
            {"cpu-1"},
        ),
    ],
)
def test_it_runs_where_selector_and_affinity_let_it(pod: dict[str, Any], names: set[str]) -> None:
    assert on(daemon_set("x", **pod)) == names


class Api:
    """Two pages of nodes, one of DaemonSets; `error` is what every call ends in."""

    def __init__(self, *daemon_sets: Mapping[str, Any]) -> None:
        self.daemon_sets = list(daemon_sets)
        self.error: KubeError | None = None
        self.asked = 0

    def request(
        self,
        method: str,
        path: str,
        *,
        query: Iterable[tuple[str, str]] = (),
        accept: str = "",
    ) -> dict[str, Any]:
        self.asked += 1
        if self.error is not None:
            raise self.error
        assert method == "GET"
        if path == "/apis/apps/v1/daemonsets":
            return {"metadata": {}, "items": self.daemon_sets}
        assert "PartialObjectMetadataList" in accept
        told = dict(query)
        assert told["labelSelector"] == "gpu"
        if "continue" not in told:
            hands_off = {"railwatch.io/managed": "false"}
            first = [{"metadata": {"name": "off", "labels": hands_off}}]
            return {"metadata": {"continue": "more"}, "items": first}
        return {"metadata": {}, "items": [{"metadata": {"name": "gpu-1"}}]}


class Clock:
    """A time that stands until it is moved."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_it_looks_now_and_then_and_says_what_it_finds_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    api, clock, told = Api(daemon_set("plugin", GPU)), Clock(), list[Survey]()
    looking = Tolerance(api, KEYS, "gpu", publish=told.append, clock=clock)

    with caplog.at_level(logging.WARNING):
        looking.look()
        looking.look()
        clock.now += EVERY
        looking.look()

    assert api.asked == 6
    assert [(each.state, each.nodes) for each in told] == [(DONE, frozenset({"gpu-1"}))] * 2
    assert [record.daemonset for record in caplog.records] == ["ops/plugin"]  # type: ignore[attr-defined] # given as extra


def test_where_it_may_not_look_it_says_so() -> None:
    api, told = Api(), list[Survey]()
    api.error = Denied("HTTP 403: daemonsets")

    Tolerance(api, KEYS, "gpu", publish=told.append).look()

    assert [(each.state, each.error, each.found) for each in told] == [
        (FAILED, "HTTP 403: daemonsets", ())
    ]


@pytest.mark.parametrize("item", [{}, {"metadata": None}, {"metadata": {"name": "x"}, "spec": 7}])
def test_what_is_no_daemonset_costs_nothing_else(item: Any) -> None:
    told = list[Survey]()

    Tolerance(Api(item), KEYS, "gpu", publish=told.append).look()

    assert [each.state for each in told] == [FAILED]
