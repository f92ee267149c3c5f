"""Extender and drainer on a real kube-apiserver, with a real kube-scheduler asking."""

import json
from collections.abc import Iterator

import pytest

from catalog.wire import DeviceFault
from program.announce import AGAIN_AFTER, About
from scheduler_feedback.announce import announcer
from scheduler_feedback.errors import Forbidden
from scheduler_feedback.kube import connect
from testbed.servers import ApiServer, Cluster
from testbed.waiting import wait_until
from tests.scheduler_feedback import live
from tests.scheduler_feedback.fakes import Clock
from tests.scheduler_feedback.live import Site
from tests.scheduler_feedback.objects import GPU_UNAVAILABLE, LINK_DEGRADED, fault, taint

pytestmark = pytest.mark.cluster


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    with Cluster(kwok=True, controller_manager=True) as cluster:
        live.deploy_rbac(cluster)
        kubeconfig = cluster.kubeconfig_for(live.PROGRAM_USER)
        flags = ("--drain", "--drain.interval=500ms", "--drain.rate=50", live.LONG_LEASE)
        with (
            live.program(kubeconfig, *flags) as program,
            live.kube_scheduler(cluster, program.port),
        ):
            yield Site(cluster=cluster, program=program)


def events_of(site: Site, pod: str) -> list[tuple[str, str, int]]:
    """Return what is told of a pod: name, message, and how often."""
    found = site.cluster.api.items("/api/v1/namespaces/default/events")
    ours = [each for each in found if each["involvedObject"]["name"] == pod]
    return [(each["metadata"]["name"], each["message"], each["count"]) for each in ours]


def test_what_is_said_again_counts_on_the_one_event_and_a_lost_one_comes_anew(site: Site) -> None:
    clock = Clock()
    board = connect(str(site.cluster.kubeconfig_for(live.PROGRAM_USER)))
    counted: list[str] = []
    speaker = announcer(board, counted.append, clock)
    about = About(kind="Pod", namespace="default", name="told", uid="u")

    def say(times: int) -> list[tuple[str, str, int]]:
        for _ in range(times):
            clock.now += AGAIN_AFTER
            speaker.say(about, "DrainBlocked", "why", warning=True)
            speaker.drain()
        return events_of(site, "told")

    ((name, _, once),) = say(1)
    ((same, message, thrice),) = say(2)
    site.cluster.api.delete(f"/api/v1/namespaces/default/events/{name}")
    ((another, _, after),) = say(1)

    assert (once, thrice, after) == (1, 3, 4)
    assert (same, message) == (name, "why")
    assert another != name
    assert counted == ["posted"] * 4


def drain(site: Site, node: str) -> None:
    site.tell(node, [taint(GPU_UNAVAILABLE, "drain")], [fault("drain")])


def test_a_degraded_node_is_left_for_when_nothing_else_fits(site: Site) -> None:
    site.add_nodes("graded", "graded-avoid", "graded-clean", "graded-withheld")
    site.tell(
        "graded-avoid",
        [taint(LINK_DEGRADED, "avoid", "PreferNoSchedule")],
        [fault("avoid", condition="RdmaLinkDegraded")],
    )
    site.tell("graded-withheld", faults=[fault("drain", "withheld")])
    site.await_nodes()
    placed = []

    for name in ("first", "second", "third"):
        site.cluster.api.create(live.bare_pod(name, "graded"))
        placed += wait_until(lambda name=name: live.places(site.cluster, name))  # type: ignore[misc] # mypy sees no default in a lambda

    assert placed == ["graded-clean", "graded-avoid", "graded-withheld"]


def test_a_tainted_node_is_refused_and_the_pod_says_that_it_is_for_a_taint(site: Site) -> None:
    site.add_nodes("tainted", "tainted-0")
    site.tell("tainted-0", [taint("railwatch.io/rdma-link-down", "cordon")])

    site.cluster.api.create(live.bare_pod("refused", "tainted"))

    live.await_unschedulable(site.cluster, "refused", "1 node(s) had untolerated taint(s)")


def test_an_applied_fault_of_the_whole_node_is_refused_before_its_taint_is_there(
    site: Site,
) -> None:
    site.add_nodes("implied", "implied-0")
    site.tell("implied-0", faults=[fault("drain", "applied", device="node")])

    site.cluster.api.create(live.bare_pod("implied", "implied"))

    live.await_unschedulable(site.cluster, "implied", "railwatch: GpuUnavailable (drain)")
    refusals = site.program.metric("railwatch_scheduler_refusals_total", condition="GpuUnavailable")
    assert refusals is not None
    assert refusals >= 1
    withheld = site.program.metric("railwatch_scheduler_gpu_withheld", condition="GpuUnavailable")
    assert withheld is not None
    assert withheld >= 8


@pytest.fixture(scope="module")
def priorities(site: Site) -> None:
    live.add_priorities(site.cluster, {"low": 1, "high": 1000})


def occupy(site: Site, node: str) -> str:
    """Fill a pool's only node with a pod of low priority; return the pod's uid."""
    site.add_nodes(node, node)
    site.cluster.api.create(live.bare_pod(f"{node}-low", node, priority="low"))
    live.await_places(site.cluster, f"{node}-low", [node])
    return str(live.pods(site.cluster, f"{node}-low")[0]["metadata"]["uid"])


def preemptions(site: Site) -> float:
    name = "railwatch_scheduler_requests_total"
    return site.program.metric(name, verb="preempt", code="200") or 0.0


def test_nobody_is_killed_for_room_on_a_node_that_is_refused(site: Site, priorities: None) -> None:
    victim = occupy(site, "spared")
    site.tell("spared", faults=[fault("cordon", "applied", device="node")])
    asked = preemptions(site)

    site.cluster.api.create(live.bare_pod("spared-high", "spared", priority="high"))

    wait_until(lambda: preemptions(site) > asked, what="kube-scheduler asks where to preempt")
    told = live.await_unschedulable(site.cluster, "spared-high", "Insufficient nvidia.com/gpu")
    assert "nominatedNodeName" not in told
    left = live.pods(site.cluster, "spared-low")
    assert live.places(site.cluster, "spared-low") == ["spared"]
    assert [pod["metadata"]["uid"] for pod in left] == [victim]


def test_on_a_node_that_is_not_refused_preemption_goes_on_as_ever(
    site: Site, priorities: None
) -> None:
    occupy(site, "taken")

    site.cluster.api.create(live.bare_pod("taken-high", "taken", priority="high"))

    live.await_places(site.cluster, "taken-high", ["taken"])
    assert live.pods(site.cluster, "taken-low") == []


def test_a_drained_nodes_pods_run_elsewhere_and_its_daemon_set_stays(site: Site) -> None:
    site.add_nodes("drain", "drain-a")
    site.cluster.api.create(live.workload("DaemonSet", "agent", "drain", gpus=0))
    site.cluster.api.create(live.workload("Deployment", "train", "drain"))
    live.await_places(site.cluster, "train", ["drain-a"])
    site.add_nodes("drain", "drain-b")
    live.await_places(site.cluster, "agent", ["drain-a", "drain-b"])
    agents = {p["metadata"]["uid"] for p in live.pods(site.cluster, "agent")}
    moved = live.pods(site.cluster, "train")[0]["metadata"]["name"]

    drain(site, "drain-a")

    live.await_places(site.cluster, "train", ["drain-b"])
    assert {p["metadata"]["uid"] for p in live.pods(site.cluster, "agent")} == agents
    wait_until(lambda: live.events(site.cluster, "Evicted", moved), what="the pod's Event")
    wait_until(lambda: live.events(site.cluster, "Drained", "drain-a"), what="the node's Event")


def test_a_budget_that_allows_nothing_holds_and_is_seen_and_once_it_allows_the_drain_goes_on(
    site: Site,
) -> None:
    site.add_nodes("budget", "budget-a")
    site.cluster.api.create(live.workload("Deployment", "quorum", "budget"))
    live.await_places(site.cluster, "quorum", ["budget-a"])
    site.cluster.api.create(live.disruption_budget("quorum", unavailable=0))
    budget = "/apis/policy/v1/namespaces/default/poddisruptionbudgets/quorum"
    wait_until(lambda: site.cluster.api.get(budget).get("status", {}).get("observedGeneration"))
    site.add_nodes("budget", "budget-b")
    held = live.pods(site.cluster, "quorum")[0]["metadata"]["name"]

    drain(site, "budget-a")

    why = "PodDisruptionBudget default/quorum allows no eviction now"
    live.await_event(site.cluster, "DrainBlocked", held, why)
    wait_until(lambda: site.program.metric("railwatch_scheduler_drain_pods", state="budget") == 1)
    site.await_drainer()
    assert live.places(site.cluster, "quorum") == ["budget-a"]
    assert len(live.events(site.cluster, "DrainBlocked", held)) == 1

    site.cluster.api.merge(budget, {"spec": {"maxUnavailable": 1}})

    live.await_places(site.cluster, "quorum", ["budget-b"])
    wait_until(lambda: site.program.metric("railwatch_scheduler_drain_pods", state="budget") == 0)


@pytest.mark.parametrize(
    ("name", "faults", "why"),
    [
        ("withheld", [fault("drain", "withheld")], "unvouched"),
        ("absent", [], "unvouched"),
    ],
)
def test_a_drain_taint_that_the_bridge_does_not_stand_behind_evicts_nobody(
    site: Site, name: str, faults: list[DeviceFault], why: str
) -> None:
    site.add_nodes(name, f"{name}-0")
    site.cluster.api.create(live.workload("Deployment", name, name))
    live.await_places(site.cluster, name, [f"{name}-0"])

    site.tell(f"{name}-0", [taint(GPU_UNAVAILABLE, "drain")], faults)

    wait_until(lambda: site.program.metric("railwatch_scheduler_drain_nodes", state=why))
    site.await_drainer()
    assert live.places(site.cluster, name) == [f"{name}-0"]
    site.tell(f"{name}-0")


def test_a_malformed_annotation_is_counted_and_the_taint_still_refuses(site: Site) -> None:
    site.add_nodes("malformed", "malformed-0")
    change = {"metadata": {"annotations": {"railwatch.io/devices": "{"}}}
    site.cluster.api.merge("/api/v1/nodes/malformed-0", change)

    wait_until(lambda: site.program.metric("railwatch_scheduler_malformed_nodes") == 1)

    log = site.program.process.log.read_text(encoding="utf-8")
    assert log.count("annotation unreadable") == 1
    change = {"metadata": {"annotations": {"railwatch.io/devices": ""}}}
    site.cluster.api.merge("/api/v1/nodes/malformed-0", change)
    wait_until(lambda: site.program.metric("railwatch_scheduler_malformed_nodes") == 0)


def test_the_programs_own_rights_end_where_its_work_ends(site: Site) -> None:
    kube = connect(str(site.cluster.kubeconfig_for(live.PROGRAM_USER)))
    pod = "/api/v1/namespaces/default/pods/first"

    for method, path in (
        ("GET", "/api/v1/secrets"),
        ("PUT", "/api/v1/nodes/drain-a"),
        ("DELETE", "/api/v1/nodes/drain-a"),
        ("DELETE", "/apis/batch/v1/namespaces/default/jobs/any"),
        ("POST", "/api/v1/namespaces/kube-system/configmaps"),
        ("PUT", pod),
        ("DELETE", "/apis/coordination.k8s.io/v1/namespaces/railwatch/leases/another"),
    ):
        with pytest.raises(Forbidden, match="forbidden"):
            kube._json(method, path, {} if method in ("PUT", "POST") else None)


@pytest.mark.parametrize(
    "asked",
    [
        {"group": "coordination.k8s.io", "resource": "leases", "verb": "create"},
        {
            "group": "coordination.k8s.io",
            "resource": "leases",
            "name": "railwatch-kube-scheduler",
            "verb": "update",
        },
        {
            "resource": "configmaps",
            "namespace": "kube-system",
            "name": "extension-apiserver-authentication",
            "verb": "get",
        },
    ],
)
def test_the_kube_scheduler_beside_it_may_be_elected_and_authenticate(
    site: Site, asked: dict[str, str]
) -> None:
    review = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SubjectAccessReview",
        "metadata": {},
        "spec": {
            "user": live.ACCOUNT,
            "resourceAttributes": {"namespace": "railwatch", **asked},
        },
    }

    assert site.cluster.api.create(review)["status"]["allowed"]


def test_the_kube_apiserver_may_restart(site: Site) -> None:
    site.add_nodes("restart", "restart-0")
    apiserver: ApiServer = site.cluster.apiserver

    apiserver.stop()
    wait_until(lambda: site.program.said("Connection refused"))
    assert site.program.answers()
    apiserver.start()
    site.tell("restart-0", faults=[fault("drain", "applied", device="node")])
    site.cluster.api.create(live.bare_pod("after-restart", "restart"))

    live.await_unschedulable(site.cluster, "after-restart", "railwatch: GpuUnavailable")
    wait_until(site.program.is_ready)
    failures = site.program.metric("railwatch_scheduler_watch_failures_total", reason="unreachable")
    assert failures is not None
    assert failures >= 1


def test_of_many_nodes_the_few_that_differ_are_told_and_kube_scheduler_heeds_it(
    site: Site,
) -> None:
    names = [f"many-{number:03}" for number in range(52)]
    site.add_nodes("many", *names)
    site.tell("many-007", faults=[fault("drain", "withheld")])
    drawn = live.bare_pod("drawn", "many")
    wish = {"key": "kubernetes.io/hostname", "operator": "In", "values": ["many-007"]}
    term = {"weight": 100, "preference": {"matchExpressions": [wish]}}
    drawn["spec"]["affinity"] = {
        "nodeAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": [term]}
    }
    document = {"Pod": drawn, "Nodes": None, "NodeNames": names}
    answer = site.program.post("prioritize", json.dumps(document).encode())[1]
    assert json.loads(answer) == [{"Host": "many-007", "Score": -8}]

    site.cluster.api.create(drawn)

    [placed] = wait_until(lambda: live.places(site.cluster, "drawn"))
    assert placed in {*names} - {"many-007"}
