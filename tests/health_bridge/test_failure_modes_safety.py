"""Failure modes 22 to 31: how much the bridge may take, from whom, and on whose word.

docs/bridge.md lists them all, with the test of each.
"""

import json
import time
from pathlib import Path
from typing import Any

import pytest

from testbed.servers import ControllerManager
from testbed.waiting import wait_until
from tests.health_bridge.site import Bridge, Site, bridge
from tests.health_bridge.test_failure_modes_input import DRAINED, LINK_DOWN, cycles, payload
from tests.scheduler_feedback.live import PROGRAM_USER, deploy_rbac, program

pytestmark = pytest.mark.cluster

WITHHELD = 'railwatch_bridge_budget_withheld{budget="%s"}'


def tainted(site: Site, names: list[str]) -> list[str]:
    return [name for name in names if site.our_taints(name)]


def test_22_most_of_the_fleet_at_once_takes_no_more_than_the_budget(site: Site) -> None:
    names = [f"storm-{i}" for i in range(10)]
    broken = names[:6]
    site.nodes(*names)
    with bridge(site, names[0], "--budget.fleet=20%") as process:
        for name in names:
            site.await_status(name, "False", "RdmaLinkDown")
        for name in broken:
            site.exporters.drop_link(name)
        for name in broken:
            site.await_status(name, "True", "RdmaLinkDown")
        wait_until(lambda: process.metric(WITHHELD % "fleet") == 4)
        cycles(process)
        first = tainted(site, names)
        site.exporters.heal(first[0])
        site.await_status(first[0], "False", "RdmaLinkDown")
        wait_until(lambda: process.metric(WITHHELD % "fleet") == 3)
        cycles(process)
        second = tainted(site, names)
        actions = {name: site.faults(name)[0].action for name in broken if name != first[0]}

    assert len(first) == len(second) == 2
    assert first[0] not in second
    assert set(second) <= set(broken)
    assert {name for name, action in actions.items() if action == "applied"} == set(second)


def test_23_a_slow_burn_past_the_window_of_the_rate_is_still_capped(site: Site) -> None:
    names = [f"burn-{i}" for i in range(5)]
    site.nodes(*names)
    with bridge(site, names[0], "--budget.fleet=2", "--budget.rate=1/1s") as process:
        site.await_status(names[0], "False")
        for name in names[:4]:
            site.exporters.lose_gpu(name)
            site.await_status(name, "True")
            time.sleep(1.1)  # past the window of the rate
        wait_until(lambda: process.metric(WITHHELD % "fleet") == 2)
        cycles(process)

    assert tainted(site, names) == names[:2]


def test_24_hands_off_means_that_what_a_person_gave_back_stays_given_back(site: Site) -> None:
    site.nodes("optout")
    path = "/api/v1/nodes/optout"
    with bridge(site, "optout") as process:
        site.exporters.lose_gpu("optout")
        site.await_status("optout", "True")
        site.await_taints("optout", DRAINED)
        site.cluster.api.merge(path, {"metadata": {"labels": {"railwatch.io/managed": "false"}}})
        site.cluster.api.merge(path, {"spec": {"taints": None, "unschedulable": False}})
        before = site.cluster.node("optout")
        cycles(process, 3)
        left_alone = site.cluster.node("optout")
        site.cluster.api.merge(path, {"metadata": {"labels": {"railwatch.io/managed": None}}})
        site.await_taints("optout", DRAINED)

    assert left_alone == before
    assert before["spec"].get("taints") is None


def test_25_a_cordon_of_others_is_neither_lifted_nor_changed(site: Site) -> None:
    site.nodes("cordoned")
    path = "/api/v1/nodes/cordoned"
    theirs = [
        {"key": "node.kubernetes.io/unschedulable", "effect": "NoSchedule"},
        {"key": "their/repair", "value": "ticket-7", "effect": "NoExecute"},
    ]
    site.cluster.api.merge(path, {"spec": {"unschedulable": True, "taints": theirs}})
    before = site.taints("cordoned")

    with bridge(site, "cordoned"):
        site.exporters.drop_link("cordoned")
        site.await_status("cordoned", "True", "RdmaLinkDown")
        site.await_taints("cordoned", LINK_DOWN)
        during = site.taints("cordoned")
        site.exporters.heal("cordoned")
        site.await_status("cordoned", "False", "RdmaLinkDown")

    assert during[:2] == before
    assert site.taints("cordoned") == before
    assert site.cluster.node("cordoned")["spec"]["unschedulable"] is True


def test_26_two_faults_and_one_clears(site: Site) -> None:
    site.nodes("two")
    with bridge(site, "two"):
        site.exporters.lose_gpu("two")
        site.exporters.drop_link("two")
        site.await_status("two", "True")
        site.await_status("two", "True", "RdmaLinkDown")
        wait_until(lambda: sorted(site.our_taints("two")) == sorted([*DRAINED, *LINK_DOWN]))
        site.exporters.heal("two")
        site.exporters.lose_gpu("two")
        site.await_status("two", "False", "RdmaLinkDown")

    assert site.our_taints("two") == DRAINED
    assert [fault.fault for fault in site.faults("two")] == ["GpuFellOffBus"]
    assert site.status("two") == "True"


# 27: test_loop.py


def pod(name: str, node: str, **metadata: Any) -> dict[str, Any]:
    """Return a pod that is on a node already."""
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "labels": {"app": name}, **metadata},
        "spec": {
            "nodeName": node,
            "containers": [{"name": "c", "image": "none"}],
            "terminationGracePeriodSeconds": 0,
        },
    }


def exhausted_budget(name: str) -> dict[str, Any]:
    return {
        "apiVersion": "policy/v1",
        "kind": "PodDisruptionBudget",
        "metadata": {"name": name},
        "spec": {"maxUnavailable": 0, "selector": {"matchLabels": {"app": name}}},
    }


def running(site: Site, name: str) -> None:
    """Say of a pod what its kubelet would say."""
    ready = [{"type": "Ready", "status": "True"}]
    site.cluster.api.merge(
        f"/api/v1/namespaces/default/pods/{name}/status",
        {"status": {"phase": "Running", "conditions": ready}},
    )


PAUSE = 2.0
"""Seconds that the drainer lets pass before it asks again for a pod that was refused, at least."""


def test_28_a_pod_that_no_budget_lets_go_is_asked_for_ever_more_seldom_and_told(
    site: Site,
) -> None:
    """The bridge evicts nobody: it taints, and railwatch-scheduler --drain asks for the pods."""
    site.nodes("pdb")
    api = site.cluster.api
    deploy_rbac(site.cluster)
    owner = {"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "r", "uid": "u"}
    api.create(exhausted_budget("kept"))
    api.merge(
        "/apis/policy/v1/namespaces/default/poddisruptionbudgets/kept/status",
        {
            "status": {
                "observedGeneration": 1,
                "disruptionsAllowed": 0,
                "currentHealthy": 1,
                "desiredHealthy": 1,
                "expectedPods": 1,
            }
        },
    )
    api.create(pod("kept", "pdb", ownerReferences=[{**owner, "controller": True}]))
    running(site, "kept")
    kubeconfig = site.cluster.kubeconfig_for(PROGRAM_USER)

    with bridge(site, "pdb"), program(kubeconfig, "--drain", "--no-gangs") as drainer:
        site.exporters.lose_gpu("pdb")
        site.await_status("pdb", "True")
        wait_until(lambda: drain_held(site), what="the drainer tells what holds it")
        began = time.monotonic()
        tried = drainer.metric("railwatch_scheduler_evictions_total", result="blocked") or 0
        time.sleep(2)
        again = drainer.metric("railwatch_scheduler_evictions_total", result="blocked") or 0
        took = time.monotonic() - began
        site.await_taints("pdb", DRAINED)

    kept = api.get("/api/v1/namespaces/default/pods/kept")
    assert "deletionTimestamp" not in kept["metadata"]
    assert again - tried <= 1 + took / PAUSE


def drain_held(site: Site) -> list[dict[str, Any]]:
    """Return the Events that tell why the node cannot be emptied."""
    events = site.cluster.api.items("/api/v1/events")
    return [event for event in events if event["reason"] in ("DrainBlocked", "DrainHeld")]


def intolerant_daemons(node: str) -> dict[str, Any]:
    return {
        "apiVersion": "apps/v1",
        "kind": "DaemonSet",
        "metadata": {"name": "infra"},
        "spec": {
            "selector": {"matchLabels": {"app": "infra"}},
            "template": {
                "metadata": {"labels": {"app": "infra"}},
                "spec": {
                    "nodeSelector": {"kubernetes.io/hostname": node},
                    "containers": [{"name": "c", "image": "none"}],
                    "terminationGracePeriodSeconds": 0,
                },
            },
        },
    }


def test_29_daemons_that_tolerate_nothing_outlive_our_taint_and_we_may_write_no_other(
    site: Site,
) -> None:
    """Ours is NoSchedule. A NoExecute one would end the pod at once, and with it the telemetry."""
    site.nodes("infra")
    api = site.cluster.api
    controllers = "taint-eviction-controller,daemonset-controller,serviceaccount-controller"
    only = [f"--controllers={controllers}"]
    pods = "/api/v1/namespaces/default/pods?labelSelector=app%3Dinfra"

    with ControllerManager(site.cluster.apiserver, flags=only), bridge(site, "infra") as process:
        api.create(intolerant_daemons("infra"))
        made = wait_until(lambda: api.items(pods))[0]["metadata"]["name"]
        binding = {
            "apiVersion": "v1",
            "kind": "Binding",
            "metadata": {"name": made},
            "target": {"kind": "Node", "name": "infra"},
        }
        bind(site, made, binding)
        running(site, made)
        site.exporters.lose_gpu("infra")
        site.await_status("infra", "True")
        site.await_taints("infra", DRAINED)
        cycles(process)
        outlived = [each["metadata"]["name"] for each in api.items(pods)]
        evicting = [{"key": "their/evicting", "effect": "NoExecute"}]
        api.merge_by_key("/api/v1/nodes/infra", {"spec": {"taints": evicting}})
        wait_until(lambda: made not in [each["metadata"]["name"] for each in api.items(pods)])
        api.delete("/apis/apps/v1/namespaces/default/daemonsets/infra")

    assert outlived == [made]


def bind(site: Site, name: str, binding: dict[str, Any]) -> None:
    answer = site.cluster.api._client.request(
        "POST",
        f"/api/v1/namespaces/default/pods/{name}/binding",
        body=json.dumps(binding),
        content_type="application/json",
    )
    assert answer.status == 201, answer.text


# 30: test_boot_grace.py


def post(process: Bridge, body: str, token: str | None) -> int:
    """Post a webhook with a bearer token; return the answer's status."""
    headers = {} if token is None else {"Authorization": f"Bearer {token}"}
    answer = process.client._pool.request(
        "POST", f"{process.client._url}/api/v1/webhook", body=body, headers=headers
    )
    return int(answer.status)


def test_31_a_forged_webhook_is_refused_and_even_with_the_token_believed_in_nothing(
    site: Site, tmp_path: Path
) -> None:
    """Nothing in a webhook is believed, so a list of nodes is needed only for what is looked at.

    --node-selector is that list: a node outside it is never written, whatever any source says.
    """
    site.nodes("forged-hook")
    site.nodes("not-ours")
    (tmp_path / "token").write_text("sesame")
    body = payload("firing", ["forged-hook", "not-ours"])
    results = 'railwatch_bridge_webhook_requests_total{result="%s"}'

    with bridge(
        site, "forged-hook", f"--webhook.bearer-token-file={tmp_path / 'token'}"
    ) as process:
        site.await_status("forged-hook", "False")
        answers = [post(process, body, token) for token in (None, "guess", "sesame")]
        site.exporters.lose_gpu("not-ours")
        site.await_firing("not-ours")
        cycles(process)
        counted = [process.metric(results % each) for each in ("unauthorized", "forbidden")]

    assert answers == [401, 403, 202]
    assert counted == [1, 1]
    assert site.status("forged-hook") == "False"
    assert site.our_taints("forged-hook") == []
    assert site.status("not-ours") is None
    assert site.our_taints("not-ours") == []
