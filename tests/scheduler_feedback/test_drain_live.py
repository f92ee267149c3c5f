"""Gangs and single pods moved off failing nodes, on real servers."""

import dataclasses
import json
from collections.abc import Iterator
from typing import Any

import pytest

from testbed.servers import Cluster, Scheduler
from testbed.waiting import wait_until
from tests.scheduler_feedback import live
from tests.scheduler_feedback.gang.test_gangs_live import add_rack, await_bound, bound, job
from tests.scheduler_feedback.live import Site
from tests.scheduler_feedback.objects import GPU_UNAVAILABLE, fault, taint

pytestmark = pytest.mark.cluster

FLAGS = (
    "--drain",
    "--drain.interval=300ms",
    "--gangs.interval=300ms",
    live.LONG_LEASE,
)
MEMORY_FAULT = "railwatch.io/gpu-memory-fault"


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    with Cluster(kwok=True, controller_manager=True) as cluster:
        live.deploy_rbac(cluster)
        kubeconfig = cluster.kubeconfig_for(live.PROGRAM_USER)
        with (
            live.program(kubeconfig, *FLAGS) as program,
            live.kube_scheduler(cluster, program.port),
        ):
            yield Site(cluster=cluster, program=program)


def survivor(name: str, size: int, **annotations: str) -> dict[str, Any]:
    """A gang whose Job does not count disruptions as failures."""
    made = job(name, name, size, **annotations)
    made["spec"] |= {
        "backoffLimit": 0,
        "podFailurePolicy": {
            "rules": [{"action": "Ignore", "onPodConditions": [{"type": "DisruptionTarget"}]}]
        },
    }
    return made


def stateful(name: str, size: int, **annotations: str) -> dict[str, Any]:
    """A gang that is no Job."""
    template = job(name, name, size, **annotations)["spec"]["template"]
    del template["spec"]["restartPolicy"]
    return {
        "apiVersion": "apps/v1",
        "kind": "StatefulSet",
        "metadata": {"name": name, "namespace": "default"},
        "spec": {
            "replicas": size,
            "serviceName": name,
            "podManagementPolicy": "Parallel",
            "selector": {"matchLabels": {"app": name}},
            "template": template,
        },
    }


def lose_gpu(site: Site, node: str) -> None:
    site.tell(node, [taint(GPU_UNAVAILABLE, "drain")], [fault("drain")])


def uids(site: Site, app: str) -> set[str]:
    return {pod["metadata"]["uid"] for pod in live.pods(site.cluster, app)}


def ask(site: Site, *argv: str) -> Any:
    kubeconfig = f"--kubeconfig={site.cluster.kubeconfig_for(live.PROGRAM_USER)}"
    ended = live.run(*argv, "--json", kubeconfig)
    assert ended.returncode == 0, ended.stderr
    return json.loads(ended.stdout)


def evictions(site: Site) -> float:
    return site.program.metric("railwatch_scheduler_evictions_total", result="evicted") or 0.0


def test_a_gang_is_moved_whole_and_its_ranks_stay_near_each_other(site: Site) -> None:
    add_rack(site, "whole", "whole-a", *(f"whole-a{n}" for n in range(4)))
    site.cluster.api.create(stateful("whole", 4, topology_required="tier-0"))
    assert await_bound(site, "whole", 4) == [f"whole-a{n}" for n in range(4)]
    add_rack(site, "whole", "whole-b", *(f"whole-b{n}" for n in range(4)))
    old, before = uids(site, "whole"), evictions(site)
    leaf = [f"whole-b{n}" for n in range(4)]
    [move] = ask(site, "what-if", "--drain", "whole-a1,whole-a2")["moves"]
    assert (move["gang"], sorted(move["where"].values())) == (True, leaf)
    assert uids(site, "whole") == old

    lose_gpu(site, "whole-a1")

    wait_until(
        lambda: bound(site, "whole") == leaf,
        what=f"the gang is in the other leaf, is on {bound(site, 'whole')}",
    )
    moved = uids(site, "whole")
    assert not old & moved
    site.await_drainer()
    assert evictions(site) - before == 4
    assert uids(site, "whole") == moved


def test_a_budget_that_forbids_it_leaves_the_whole_gang_where_it_is_and_says_so(
    site: Site,
) -> None:
    add_rack(site, "held", "held-a", *(f"held-a{n}" for n in range(4)))
    site.cluster.api.create(stateful("held", 4))
    await_bound(site, "held", 4)
    site.cluster.api.create(live.disruption_budget("held", unavailable=1))
    path = "/apis/policy/v1/namespaces/default/poddisruptionbudgets/held"
    wait_until(lambda: site.cluster.api.get(path).get("status", {}).get("disruptionsAllowed") == 1)
    add_rack(site, "held", "held-b", *(f"held-b{n}" for n in range(4)))
    old = uids(site, "held")
    why = "PodDisruptionBudget default/held allows 1 of the 4 evictions that moving it whole takes"
    names = [pod["metadata"]["name"] for pod in live.pods(site.cluster, "held")]

    lose_gpu(site, "held-a0")

    live.await_event(site.cluster, "DrainBlocked", names[0], why)
    wait_until(lambda: site.program.metric("railwatch_scheduler_drain_pods", state="budget") == 4)
    answer = ask(site, "drain-preflight", "held-a0")
    assert answer["evict"] == []
    assert {held["why"] for held in answer["held"]} == {why}
    site.await_drainer()
    assert uids(site, "held") == old

    site.cluster.api.delete(path)

    wait_until(lambda: not old & uids(site, "held"), what="the gang moves")


def test_a_fault_that_is_not_fatal_waits_for_room(site: Site) -> None:
    add_rack(site, "room", "room-a", "room-a0", "room-a1")
    site.cluster.api.create(survivor("room", 2))
    await_bound(site, "room", 2)
    old = uids(site, "room")
    told = fault("drain", condition="GpuMemoryFault")

    site.tell("room-a0", [taint(MEMORY_FAULT, "drain")], [told])

    wait_until(
        lambda: site.program.metric("railwatch_scheduler_drain_pods", state="no_room") == 2,
        what="the gang waits for room",
    )
    site.await_drainer()
    assert uids(site, "room") == old
    [move] = ask(site, "what-if", "--drain", "room-a0")["moves"]
    assert (move["where"], move["pods"]) == ({}, 2)

    add_rack(site, "room", "room-a", "room-a2")
    wait_until(lambda: not old & uids(site, "room"), what="the gang moves")
    assert await_bound(site, "room", 2) == ["room-a1", "room-a2"]


def test_a_job_that_would_end_of_it_is_suspended_and_resumed(site: Site) -> None:
    add_rack(site, "frail", "frail-a", "frail-a0", "frail-a1")
    frail = job("frail", "frail", 2)
    frail["spec"]["backoffLimit"] = 0
    site.cluster.api.create(frail)
    await_bound(site, "frail", 2)
    old = uids(site, "frail")

    lose_gpu(site, "frail-a0")

    path = "/apis/batch/v1/namespaces/default/jobs/frail"
    wait_until(lambda: site.cluster.api.get(path)["spec"]["suspend"])
    wait_until(lambda: not live.pods(site.cluster, "frail"), what="its pods are gone")
    wait_until(lambda: site.program.metric("railwatch_scheduler_drain_jobs_suspended") == 1)
    add_rack(site, "frail", "frail-a", "frail-a2")

    assert await_bound(site, "frail", 2) == ["frail-a1", "frail-a2"]
    assert not old & uids(site, "frail")
    found = site.cluster.api.get(path)
    assert not found["spec"]["suspend"]
    assert "railwatch.io/drain-suspended" not in found["metadata"].get("labels", {})
    assert not found["status"].get("failed")


def test_a_job_that_kueue_suspends_is_left_to_kueue(site: Site) -> None:
    add_rack(site, "queued", "queued-a", "queued-a0", "queued-a1")
    queued = job("queued", "queued", 1)
    queued["spec"]["backoffLimit"] = 0
    queued["metadata"]["labels"] = {"kueue.x-k8s.io/queue-name": "team"}
    site.cluster.api.create(queued)
    [node] = await_bound(site, "queued", 1)
    [pod] = live.pods(site.cluster, "queued")

    lose_gpu(site, node)

    name = pod["metadata"]["name"]
    live.await_event(site.cluster, "DrainBlocked", name, "is Kueue's to suspend")
    site.await_drainer()
    assert bound(site, "queued") == [node]


def test_a_gang_is_given_time_to_save_its_state(site: Site) -> None:
    add_rack(site, "saved", "saved-a", *(f"saved-a{n}" for n in range(3)))
    patient = survivor("saved", 2)
    notes = patient["spec"]["template"]["metadata"]["annotations"]
    notes["railwatch.io/checkpoint-deadline"] = "10m"
    site.cluster.api.create(patient)
    first, _ = await_bound(site, "saved", 2)
    old = uids(site, "saved")

    lose_gpu(site, first)

    wait_until(lambda: all(_notes(p).get("railwatch.io/drain-requested")
                           for p in live.pods(site.cluster, "saved")))  # fmt: skip
    site.await_drainer()
    assert uids(site, "saved") == old
    for pod in live.pods(site.cluster, "saved"):
        path = f"/api/v1/namespaces/default/pods/{pod['metadata']['name']}"
        requested = _notes(pod)["railwatch.io/drain-requested"]
        change = {"annotations": {"railwatch.io/checkpointed": requested}}
        site.cluster.api.merge(path, {"metadata": change})

    wait_until(lambda: not old & uids(site, "saved"), what="the gang moves")


def _notes(pod: dict[str, Any]) -> dict[str, str]:
    found: dict[str, str] = pod["metadata"].get("annotations", {})
    return found


def test_what_was_asked_is_taken_back_when_the_node_recovers(site: Site) -> None:
    add_rack(site, "back", "back-a", "back-a0", "back-a1")
    patient = survivor("back", 2)
    notes = patient["spec"]["template"]["metadata"]["annotations"]
    notes["railwatch.io/checkpoint-deadline"] = "10m"
    site.cluster.api.create(patient)
    await_bound(site, "back", 2)
    old = uids(site, "back")
    lose_gpu(site, "back-a0")
    wait_until(lambda: all(_notes(p).get("railwatch.io/drain-requested")
                           for p in live.pods(site.cluster, "back")))  # fmt: skip

    site.tell("back-a0")

    wait_until(lambda: not any(_notes(p).get("railwatch.io/drain-requested")
                               for p in live.pods(site.cluster, "back")))  # fmt: skip
    site.await_drainer()
    assert uids(site, "back") == old


def test_only_the_users_of_a_fenced_device_are_moved(site: Site) -> None:
    add_rack(site, "fenced", "fenced-a", "fenced-a0")
    for name in ("user", "other"):
        made = live.workload("Deployment", f"fenced-{name}", "fenced", gpus=1)
        site.cluster.api.create(made)
        live.await_places(site.cluster, f"fenced-{name}", ["fenced-a0"])
    [user], [other] = uids(site, "fenced-user"), uids(site, "fenced-other")
    add_rack(site, "fenced", "fenced-a", "fenced-a1")
    told = fault("drain", since="2099-01-01T00:00:00Z")

    site.tell("fenced-a0", faults=[_fenced(told, ())])
    wait_until(
        lambda: site.program.metric("railwatch_scheduler_drain_nodes", state="users_unknown") == 1,
        what="nobody says who uses it",
    )
    site.await_drainer()
    assert uids(site, "fenced-user") == {user}
    site.tell("fenced-a0", faults=[_fenced(told, (user,))])

    wait_until(lambda: user not in uids(site, "fenced-user"), what="the user moves")
    site.await_drainer()
    assert uids(site, "fenced-other") == {other}


def _fenced(told: Any, users: tuple[str, ...]) -> Any:
    return dataclasses.replace(told, fence="plugin", users=users)


def test_release_leaves_nothing_of_ours_and_says_what_it_did() -> None:
    with Cluster(kwok=True, controller_manager=True) as cluster:
        live.deploy_rbac(cluster)
        kubeconfig = cluster.kubeconfig_for(live.PROGRAM_USER)
        with live.program(kubeconfig, *FLAGS) as program:
            site = Site(cluster=cluster, program=program)
            _leave_traces(site)
        flag = f"--kubeconfig={kubeconfig}"

        first = live.run("release", "--all", flag)
        second = live.run("release", "--all", flag)

        assert (first.returncode, second.returncode) == (0, 0), first.stderr + second.stderr
        for said in ("Job default/frail: resumed", "let go\n", "annotations removed\n"):
            assert said in first.stdout
        assert "Lease railwatch/railwatch-scheduler: removed" in first.stdout
        assert "1 pods waited at the gate railwatch.io/gang" in first.stdout
        assert not _traces(cluster)


def _leave_traces(site: Site) -> None:
    """A Job suspended, a pod at the gate, one that was let go, one that was asked to leave."""
    add_rack(site, "frail", "frail-a", "frail-a0", "frail-a1")
    add_rack(site, "asked", "asked-a", "asked-a0", "asked-a1", "asked-a2")
    for name in ("frail", "asked"):
        made = stateful(name, 2) if name == "asked" else job(name, name, 2)
        pods = made["spec"]["template"]
        pods["metadata"]["annotations"]["railwatch.io/checkpoint-deadline"] = "10m"
        if name == "frail":
            del pods["metadata"]["annotations"]["railwatch.io/checkpoint-deadline"]
        pods["spec"]["schedulerName"] = "default-scheduler"
        site.cluster.api.create(made)
    with Scheduler(site.cluster.apiserver):
        for name in ("frail", "asked"):
            await_bound(site, name, 2)
    lose_gpu(site, "frail-a0")
    lose_gpu(site, "asked-a0")
    wait_until(lambda: _has_stopped(site.cluster, "frail"), what="the Job is suspended")
    wait_until(lambda: all(_notes(p).get("railwatch.io/drain-requested")
                           for p in live.pods(site.cluster, "asked")))  # fmt: skip
    waiting = live.bare_pod("waiting", "nowhere")
    waiting["metadata"]["labels"]["railwatch.io/gang"] = "waiting"
    waiting["spec"]["schedulingGates"] = [{"name": "railwatch.io/gang"}]
    site.cluster.api.create(waiting)


def _has_stopped(cluster: Cluster, name: str) -> bool:
    """Whether a Job is suspended, and its controller has written all that it will of that."""
    status = cluster.api.get(f"/apis/batch/v1/namespaces/default/jobs/{name}")["status"]
    told = {each["type"]: each["status"] for each in status.get("conditions", ())}
    return told.get("Suspended") == "True" and not status.get("active")


def _traces(cluster: Cluster) -> list[str]:
    """What of ours is left on pods and Jobs; what the jobs' own templates say is not ours."""
    written = {"railwatch.io/gang-placed", "railwatch.io/drain-requested"}
    found = [
        pod["metadata"]["name"]
        for pod in cluster.api.items("/api/v1/pods")
        if written & _notes(pod).keys()
        or (pod["metadata"]["name"] == "waiting" and pod["spec"].get("schedulingGates"))
    ]
    for made in cluster.api.items("/apis/batch/v1/jobs"):
        marked = "railwatch.io/drain-suspended" in made["metadata"].get("labels", {})
        found += [made["metadata"]["name"]] if marked or made["spec"].get("suspend") else []
    leases = cluster.api.items("/apis/coordination.k8s.io/v1/namespaces/railwatch/leases")
    return found + [lease["metadata"]["name"] for lease in leases]
