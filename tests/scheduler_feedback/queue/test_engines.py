"""What Kueue, Volcano and upstream tell of their queues, in every version, served or not."""

import logging
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scheduler_feedback.errors import Forbidden, KubeError, NotFound
from scheduler_feedback.gang.markers import KUEUE, UPSTREAM, VOLCANO, engine_of
from scheduler_feedback.gang.pods import read_member
from scheduler_feedback.queue import kueue, upstream, volcano
from scheduler_feedback.queue.engines import RECHECK, Engines
from scheduler_feedback.queue.told import MOST_TOLD, Told
from scheduler_feedback.watch import Listing
from tests.budget import examples
from tests.scheduler_feedback.fakes import Clock

GPU = "nvidia.com/gpu"
KUEUE_LATEST = "/apis/kueue.x-k8s.io/v1beta2"


class FakeServer:
    """Serves some kinds, and counts what it is asked."""

    def __init__(self, **served: Mapping[str, list[dict[str, Any]]]) -> None:
        self.served = {path.replace("__", "/"): kinds for path, kinds in served.items()}
        self.errors: dict[str, KubeError] = {}
        self.asked: list[str] = []

    def call(self, _method: str, path: str) -> dict[str, Any]:
        self.asked.append(path)
        if path == "/apis":
            groups: dict[str, list[dict[str, str]]] = {}
            for version in self.served:
                groups.setdefault(version.split("/")[0], []).append({"groupVersion": version})
            return {"groups": [{"name": n, "versions": v} for n, v in groups.items()]}
        kinds = self.served.get(path.removeprefix("/apis/"))
        if kinds is None:
            raise NotFound(path)
        return {"resources": [{"name": name} for name in kinds]}

    def listing(self, path: str) -> Listing:
        self.asked.append(path)
        if path in self.errors:
            raise self.errors[path]
        version, _, kind = path.removeprefix("/apis/").rpartition("/")
        return Listing(objects=self.served[version][kind], version=lambda: "1")


def cluster_queue(name: str = "research", **spec: Any) -> dict[str, Any]:
    usage = {"name": GPU, "total": "20", "borrowed": "4"}
    return {
        "metadata": {"name": name},
        "spec": spec,
        "status": {
            "pendingWorkloads": 3,
            "flavorsUsage": [
                {"name": "h100", "resources": [usage, {"name": "cpu", "total": "9"}]},
                {"name": "a100", "resources": [{"name": GPU, "total": "1"}]},
            ],
        },
    }


def flavors(*quotas: dict[str, str]) -> list[dict[str, Any]]:
    told = [{"name": f"f{n}", "resources": [q]} for n, q in enumerate(quotas)]
    return [{"flavors": told, "coveredResources": [GPU]}]


def test_of_a_cluster_queue_the_flavours_are_summed() -> None:
    groups = flavors(
        {"name": GPU, "nominalQuota": "16", "borrowingLimit": "8", "lendingLimit": "2"},
        {"name": GPU, "nominalQuota": "4", "borrowingLimit": "0"},
    )

    for cohort in ("cohort", "cohortName"):  # v1beta1, v1beta2
        told = kueue.cluster_queue(cluster_queue(resourceGroups=groups, **{cohort: "all"}))

        assert told == Told(
            kind="kueue_cluster",
            queue="research",
            guaranteed={GPU: 20},
            limit={GPU: 28},
            borrowable={GPU: 6},
            used={GPU: 21},
            borrowed={GPU: 4},
            waiting={"admission": 3},
        )


def test_a_cluster_queue_without_a_cohort_is_limited_to_what_it_has() -> None:
    told = kueue.cluster_queue(
        cluster_queue(resourceGroups=flavors({"name": GPU, "nominalQuota": "16"}))
    )

    assert (told.limit, told.borrowable) == ({GPU: 16}, {})


def test_a_cluster_queue_that_may_borrow_without_end_has_no_limit() -> None:
    groups = flavors({"name": GPU, "nominalQuota": "16"})

    told = kueue.cluster_queue(cluster_queue(resourceGroups=groups, cohortName="all"))

    assert (told.limit, told.borrowable) == ({}, {GPU: 16})


@pytest.mark.parametrize("field", ["flavorUsage", "flavorsUsage"])
def test_a_local_queue_is_told_in_either_version(field: str) -> None:
    usage = [{"name": "h100", "resources": [{"name": GPU, "total": "8"}]}]
    found = {
        "metadata": {"namespace": "ml", "name": "main"},
        "status": {"pendingWorkloads": 2, field: usage},
    }

    told = kueue.local_queue(found)

    assert (told.queue, told.used, told.waiting) == ("ml/main", {GPU: 8}, {"admission": 2})


def test_volcanos_waiting_groups_are_counted_for_themselves() -> None:
    queues = [
        {
            "metadata": {"name": "default"},
            "spec": {"deserved": {GPU: "8", "cpu": "4"}, "capability": {GPU: 32}},
            "status": {"allocated": {GPU: "12", "memory": "1Gi"}, "pending": 9},
        },
        {"metadata": {"name": "other"}, "spec": {"guarantee": {"resource": {GPU: "4"}}}},
    ]
    groups = [
        {"spec": {"queue": "other"}, "status": {"phase": "Pending"}},
        {"spec": {}, "status": {"phase": "Inqueue"}},
        {"spec": {"queue": "default"}},
        {"spec": {"queue": "default"}, "status": {"phase": "Running"}},
    ]

    default, other = volcano.queues(queues, groups)

    assert default == Told(
        kind="volcano",
        queue="default",
        guaranteed={GPU: 8},
        limit={GPU: 32},
        used={GPU: 12},
        borrowed={GPU: 4},
        waiting={"admission": 2},
    )
    assert (other.guaranteed, other.used, other.waiting) == ({GPU: 4}, {}, {"admission": 1})


def test_upstream_groups_wait_until_they_are_scheduled_as_a_whole() -> None:
    def group(namespace: str, status: str | None) -> dict[str, Any]:
        conditions = [{"type": "PodGroupScheduled", "status": status}] if status else []
        return {"metadata": {"namespace": namespace}, "status": {"conditions": conditions}}

    told = upstream.namespaces([group("b", "False"), group("a", "True"), group("b", None)])

    assert [(each.queue, each.waiting) for each in told] == [
        ("a", {"admission": 0}),
        ("b", {"admission": 2}),
    ]


def test_a_cluster_without_engines_is_asked_once_in_a_while_and_for_nothing_else() -> None:
    clock = Clock()
    server = FakeServer(**{"scheduling.k8s.io__v1": {"priorityclasses": []}})
    engines = Engines(server, clock)

    for _ in range(10):
        engines.refresh()
        clock.now += 30

    assert engines.readings == {}
    assert engines.served == frozenset()
    assert server.asked == ["/apis", "/apis/scheduling.k8s.io/v1"]
    clock.now += RECHECK
    engines.refresh()
    assert server.asked.count("/apis") == 2


def test_the_servers_own_first_choice_of_version_is_read() -> None:
    server = FakeServer(
        **{  # type: ignore[arg-type] # nested literals of several shapes
            "kueue.x-k8s.io__v1beta2": {
                "clusterqueues": [cluster_queue()],
                "localqueues": [],
            },
            "kueue.x-k8s.io__v1beta1": {"clusterqueues": [], "localqueues": []},
            "scheduling.k8s.io__v1": {"priorityclasses": []},
            "scheduling.k8s.io__v1alpha2": {"podgroups": [], "workloads": []},
        }
    )
    engines = Engines(server, Clock())

    engines.refresh()

    assert engines.served == {KUEUE}
    assert [each.queue for each in engines.readings["kueue_cluster"].told] == ["research"]
    assert engines.path("kueue_cluster") == f"{KUEUE_LATEST}/clusterqueues"
    assert engines.path("upstream") == "/apis/scheduling.k8s.io/v1alpha2/podgroups"
    assert engines.path("volcano") == ""


def test_what_may_not_be_read_is_told_and_the_others_are_read(
    caplog: pytest.LogCaptureFixture,
) -> None:
    server = FakeServer(
        **{"kueue.x-k8s.io__v1beta2": {"clusterqueues": [cluster_queue()], "localqueues": []}}
    )
    server.errors[f"{KUEUE_LATEST}/localqueues"] = Forbidden("no")
    engines = Engines(server, Clock())

    with caplog.at_level(logging.WARNING):
        engines.refresh()
        engines.refresh()

    assert {kind: r.readable for kind, r in engines.readings.items()} == {
        "kueue_cluster": True,
        "kueue_local": False,
    }
    (only,) = caplog.records
    assert "railwatch-queues" in str(only.__dict__["remedy"])


def test_an_engine_that_is_taken_away_is_looked_for_anew() -> None:
    kinds: dict[str, list[dict[str, Any]]] = {"clusterqueues": [], "localqueues": []}
    server = FakeServer(**{"kueue.x-k8s.io__v1beta2": kinds})
    engines = Engines(server, Clock())
    engines.refresh()
    del server.served["kueue.x-k8s.io/v1beta2"]
    server.errors = {f"{KUEUE_LATEST}/{kind}": NotFound("gone") for kind in kinds}

    engines.refresh()
    engines.refresh()

    assert engines.readings == {}


def test_only_so_many_queues_are_told_and_the_rest_is_counted() -> None:
    many = [cluster_queue(f"q{n:04}") for n in range(MOST_TOLD + 5)]
    server = FakeServer(**{"kueue.x-k8s.io__v1beta2": {"clusterqueues": many, "localqueues": []}})
    engines = Engines(server, Clock())

    engines.refresh()

    reading = engines.readings["kueue_cluster"]
    assert (len(reading.told), reading.untold) == (MOST_TOLD, 5)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(
        st.sampled_from(
            ["metadata", "spec", "status", "name", "resourceGroups", "flavors", "resources",
             "nominalQuota", "flavorsUsage", "allocated", "conditions", "namespace"]
        ),
        inner,
        max_size=4,
    ),
    max_leaves=15,
)  # fmt: skip


@pytest.mark.fuzz
@settings(max_examples=examples(60), deadline=None)
@given(st.lists(JSON, max_size=3))
def test_objects_of_another_shape_are_told_as_unreadable_and_break_nothing(found: Any) -> None:
    server = FakeServer(
        **{
            "kueue.x-k8s.io__v1beta2": {"clusterqueues": found, "localqueues": found},
            "scheduling.volcano.sh__v1beta1": {"queues": found, "podgroups": found},
            "scheduling.k8s.io__v1alpha2": {"podgroups": found},
        }
    )
    engines = Engines(server, Clock())

    engines.refresh()

    assert set(engines.readings) == {"kueue_cluster", "kueue_local", "volcano", "upstream"}


def pod(**changes: Any) -> dict[str, Any]:
    gates = [{"name": "railwatch.io/gang"}]
    meta = {"name": "p", "namespace": "ml", "uid": "u", "labels": {}, "annotations": {}}
    meta |= {key: changes.pop(key) for key in ("labels", "annotations") if key in changes}
    return {"metadata": meta, "spec": {"schedulingGates": gates, **changes}}


@pytest.mark.parametrize(
    ("found", "engine"),
    [
        (pod(), ""),
        (pod(schedulingGroup={"podGroupName": "g"}), UPSTREAM),
        (pod(workloadRef={"name": "w", "podGroup": "g"}), UPSTREAM),
        (pod(labels={"kueue.x-k8s.io/queue-name": "main"}), KUEUE),
        (pod(annotations={"kueue.x-k8s.io/workload": "w"}), KUEUE),
        (pod(schedulerName="volcano"), VOLCANO),
        (pod(annotations={"scheduling.k8s.io/group-name": "g"}), VOLCANO),
        (pod(labels={"scheduling.x-k8s.io/pod-group": "g"}), ""),
    ],
)
def test_a_pod_says_who_admits_it(found: dict[str, Any], engine: str) -> None:
    assert engine_of(found) == engine


@pytest.mark.parametrize(
    ("found", "placed_by"),
    [
        (pod(), ""),
        (pod(schedulingGroup={"podGroupName": "g"}), UPSTREAM),
        (pod(labels={"kueue.x-k8s.io/queue-name": "main"}), ""),
        (
            pod(
                labels={"kueue.x-k8s.io/queue-name": "main"},
                nodeSelector={"kubernetes.io/hostname": "gpu-1"},
            ),
            KUEUE,
        ),
        (pod(schedulerName="volcano"), VOLCANO),
        (pod(annotations={"scheduling.k8s.io/group-name": "g"}), ""),
        (
            pod(
                labels={"kueue.x-k8s.io/podset": "main"},
                annotations={"kueue.x-k8s.io/podset-required-topology": "rack"},
            ),
            KUEUE,
        ),
        (
            pod(
                labels={"kueue.x-k8s.io/queue-name": "main"},
                annotations={"railwatch.io/gang-placed": "2026-11-22T00:00:00Z"},
                nodeSelector={"kubernetes.io/hostname": "gpu-1"},
            ),
            "",
        ),
    ],
)
def test_a_pod_says_who_chooses_its_node(found: dict[str, Any], placed_by: str) -> None:
    member = read_member(found)

    assert member is not None
    assert member.placed_by == placed_by
