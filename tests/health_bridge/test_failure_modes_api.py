"""Failure modes 12 to 21: what other writers, the kube-apiserver and crashes can do.

docs/bridge.md lists them all, with the test of each.
"""

import base64
import json
import re
import threading
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from health_bridge.cluster.apply import Writer
from health_bridge.cluster.errors import KubeError
from health_bridge.cluster.kube import Kube, connect
from health_bridge.connection import Connection
from testbed.api import ApiError
from testbed.ports import free_port
from testbed.waiting import wait_until
from tests.health_bridge.faulty_ways import Mode, Proxy, way_to_the_api
from tests.health_bridge.site import USER, Bridge, Site, bridge
from tests.health_bridge.test_failure_modes_input import DRAINED, LINK_DOWN, cycles
from tests.health_bridge.test_loop import answer_that_says, stopped
from tests.health_bridge.test_writes import planned
from tests.health_bridge.worlds import NOW

pytestmark = pytest.mark.cluster

ERRORS = 'railwatch_bridge_api_errors_total{kind="%s"}'


def errors(process: Bridge, kind: str) -> float:
    return process.metric(ERRORS % kind) or 0


@contextmanager
def meanwhile(act: Callable[[int], object]) -> Iterator[None]:
    """Act again and again, with the number of the turn, until the block ends."""
    stopping = threading.Event()

    def turn() -> None:
        count = 0
        while not stopping.is_set():
            act(count)
            count += 1

    thread = threading.Thread(target=turn)
    thread.start()
    try:
        yield
    finally:
        stopping.set()
        thread.join()


def test_12_a_kubelets_status_between_read_and_patch_survives(site: Site) -> None:
    site.nodes("kubelet")
    path = "/api/v1/nodes/kubelet/status"
    last: list[str] = []

    def beat(turn: int) -> None:
        said = [
            {"type": kind, "status": "False", "reason": "Kubelet", "message": f"beat {turn}"}
            for kind in ("DiskPressure", "PIDPressure")
        ]
        with suppress(ApiError):  # others write the node too: the server may give up
            site.cluster.api.merge_by_key(path, {"status": {"conditions": said}})
            last[:] = [f"beat {turn}"]

    with bridge(site, "kubelet") as process:
        site.await_status("kubelet", "False")
        with meanwhile(beat):
            site.exporters.lose_gpu("kubelet")
            site.exporters.drop_link("kubelet")
            site.await_status("kubelet", "True")
            site.await_status("kubelet", "True", "RdmaLinkDown")
            cycles(process)

    for kind in ("DiskPressure", "PIDPressure"):
        assert site.condition("kubelet", kind)["message"] == last[0]
    assert site.status("kubelet", "Ready") == "True"
    assert {key for key, _, _ in site.our_taints("kubelet")} == {
        key for key, _, _ in DRAINED + LINK_DOWN
    }


# 13: test_loop.py


def broken_webhook(label: str, port: int, patience: int = 1) -> dict[str, Any]:
    """Return an admission webhook that never answers: writes of these nodes end with a 500."""
    return {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "ValidatingWebhookConfiguration",
        "metadata": {"name": f"broken-{label}"},
        "webhooks": [
            {
                "name": "broken.example.com",
                "clientConfig": {"url": f"https://127.0.0.1:{port}/"},
                "rules": [
                    {
                        "apiGroups": [""],
                        "apiVersions": ["v1"],
                        "operations": ["UPDATE"],
                        "resources": ["nodes", "nodes/status"],
                    }
                ],
                "objectSelector": {"matchLabels": {"test": label}},
                "failurePolicy": "Fail",
                "sideEffects": "None",
                "admissionReviewVersions": ["v1"],
                "timeoutSeconds": patience,
            }
        ],
    }


def no_seats() -> list[dict[str, Any]]:
    """Return the flow control that answers the bridge with 429 while a request of it is served.

    A request that is alone is let through even where there are no seats at all.
    """
    group = "flowcontrol.apiserver.k8s.io/v1"
    level = {
        "apiVersion": group,
        "kind": "PriorityLevelConfiguration",
        "metadata": {"name": "no-seats"},
        "spec": {
            "type": "Limited",
            "limited": {
                "nominalConcurrencyShares": 0,
                "lendablePercent": 0,
                "borrowingLimitPercent": 0,
                "limitResponse": {"type": "Reject"},
            },
        },
    }
    schema = {
        "apiVersion": group,
        "kind": "FlowSchema",
        "metadata": {"name": "no-seats"},
        "spec": {
            "priorityLevelConfiguration": {"name": "no-seats"},
            "matchingPrecedence": 2,
            "rules": [
                {
                    "subjects": [{"kind": "User", "user": {"name": USER}}],
                    "resourceRules": [
                        {
                            "verbs": ["*"],
                            "apiGroups": ["*"],
                            "resources": ["*"],
                            "clusterScope": True,
                            "namespaces": ["*"],
                        }
                    ],
                }
            ],
        },
    }
    return [level, schema]


@contextmanager
def applied(site: Site, *items: dict[str, Any]) -> Iterator[None]:
    made = site.cluster.apply(items)
    try:
        yield
    finally:
        for item in reversed(made):
            site.cluster.api.delete(site.cluster.api.path(item))


@contextmanager
def occupied(site: Site) -> Iterator[None]:
    """Keep a request of the bridge's account under way: its admission webhook hangs."""
    site.cluster.add_nodes(["occupied"], labels={"test": "occupied"})
    kube = connect(Connection(kubeconfig=str(site.cluster.kubeconfig_for(USER)), timeout=20))

    def write(turn: int) -> None:
        note = {"metadata": {"annotations": {"railwatch.io/turn": str(turn)}}}
        with suppress(KubeError):
            kube.patch_node("occupied", note)

    with Proxy("127.0.0.1", free_port()) as nobody:
        nobody.mode = Mode.HANG
        with (
            applied(site, broken_webhook("occupied", nobody.port, patience=3)),
            meanwhile(write),
        ):
            yield


def test_14_a_500_holds_a_write_up_and_is_told(site: Site) -> None:
    site.nodes("http-500")
    with bridge(site, "http-500") as process:
        site.await_status("http-500", "False")
        with applied(site, broken_webhook("http-500", free_port())):
            site.exporters.lose_gpu("http-500")
            wait_until(lambda: "HTTP 500" in process.log.read_text())
            wait_until(lambda: errors(process, "unreachable"))
            ready = answer_that_says(process, "kube-apiserver: ")
        site.await_status("http-500", "True")
        site.await_taints("http-500", DRAINED)
        process.await_ready()

    assert ready.status == 503


def test_14_a_429_of_flow_control_holds_a_write_up_and_is_told(site: Site) -> None:
    site.nodes("http-429")
    with bridge(site, "http-429") as process:
        site.await_status("http-429", "False")
        with occupied(site), applied(site, *no_seats()):
            wait_until(lambda: "HTTP 429" in process.get("/readyz").text)
            wait_until(lambda: errors(process, "unreachable"))
            site.exporters.lose_gpu("http-429")
            site.await_firing("http-429")
        site.await_status("http-429", "True")
        process.await_ready()
        site.await_taints("http-429", DRAINED)


TIMED_OUT = re.compile(r"^kube-apiserver: .*timed out", re.MULTILINE)


def test_14_a_request_without_an_answer_times_out_and_is_told(site: Site) -> None:
    site.nodes("time-out")
    with bridge(site, "time-out", "--timeout=1s") as process:
        site.await_status("time-out", "False")
        site.cluster.apiserver.pause()
        try:
            wait_until(lambda: errors(process, "unreachable"))
            wait_until(lambda: TIMED_OUT.search(process.get("/readyz").text))
        finally:
            site.cluster.apiserver.resume()
        site.exporters.lose_gpu("time-out")
        site.await_status("time-out", "True")
        site.await_taints("time-out", DRAINED)
        process.await_ready()


def test_14_a_conflict_is_read_again_and_tried_again(site: Site) -> None:
    site.cluster.add_nodes(["conflict"])
    kube = connect(Connection(kubeconfig=str(site.cluster.kubeconfig_for(USER))))
    plan = planned(kube.node("conflict"))
    theirs = [{"key": "their/taint", "effect": "NoSchedule"}]
    site.cluster.api.merge("/api/v1/nodes/conflict", {"spec": {"taints": theirs}})
    conflicts: list[int] = []

    Writer(kube, lambda: True, lambda: conflicts.append(1)).take(plan, NOW)

    assert conflicts == [1]
    assert site.taints("conflict")[0] == theirs[0]
    assert site.our_taints("conflict") == DRAINED


@pytest.mark.parametrize("way", ["half-open", "reset", "slow", "hung"])
def test_15_a_connection_that_is_no_good_costs_a_time_out_and_no_more(
    way: str, site: Site, tmp_path: Path
) -> None:
    site.nodes(way)
    patience = "--timeout=10s" if way == "slow" else "--timeout=1s"
    with (
        way_to_the_api(site, tmp_path) as (proxy, kubeconfig),
        bridge(site, way, patience, kubeconfig=kubeconfig) as process,
    ):
        site.await_status(way, "False")
        if way == "half-open":
            proxy.freeze()
        elif way == "slow":
            proxy.mode = Mode.SLOW
        else:
            proxy.mode = Mode.REFUSE if way == "reset" else Mode.HANG
            wait_until(lambda: process.get("/readyz").status == 503)
            proxy.mode = Mode.PASS
        site.exporters.lose_gpu(way)
        site.await_status(way, "True")
        site.await_taints(way, DRAINED)
        process.await_ready()


def compact(site: Site) -> None:
    """Let etcd forget all but its newest revision, as it does by itself every five minutes."""

    def ask(path: str, body: dict[str, Any]) -> dict[str, Any]:
        request = urllib.request.Request(
            site.cluster.etcd.url + path, json.dumps(body).encode(), method="POST"
        )
        with urllib.request.urlopen(request, timeout=10) as answer:
            found: dict[str, Any] = json.loads(answer.read())
            return found

    newest = ask("/v3/kv/range", {"key": base64.b64encode(b"x").decode()})["header"]["revision"]
    ask("/v3/kv/compaction", {"revision": newest})


def test_15_a_watch_that_is_told_that_it_is_too_old_lists_anew(site: Site) -> None:
    """The kube-apiserver was restarted and etcd compacted: 410 for what the bridge knew last."""
    site.nodes("expired-0", "expired-1")
    with bridge(site, "expired-0") as process:
        site.await_status("expired-0", "False")
        site.await_status("expired-1", "False")
        process.pause()
        site.exporters.lose_gpu("expired-0")
        site.cluster.api.delete("/api/v1/nodes/expired-1")
        with stopped(site.cluster.apiserver):
            compact(site)
        process.resume()
        site.await_status("expired-0", "True")
        site.await_taints("expired-0", DRAINED)
        wait_until(lambda: "HTTP 410" in process.log.read_text())
        managed = 'railwatch_bridge_nodes{state="managed"}'
        wait_until(lambda: process.metric(managed) == 1)
        process.await_ready()


# 16, 18: test_loop.py


def test_17_a_node_that_is_recreated_while_the_bridge_runs_starts_anew(site: Site) -> None:
    site.nodes("uid")
    with bridge(site, "uid") as process:
        site.exporters.lose_gpu("uid")
        site.await_status("uid", "True")
        site.exporters.heal("uid")
        site.await_quiet("uid")
        site.cluster.api.delete("/api/v1/nodes/uid")
        cycles(process)
        process.await_ready()
        site.nodes("uid")
        site.await_status("uid", "False")

    assert site.faults("uid") == ()
    assert site.our_taints("uid") == []


class Crash(Exception):  # noqa: N818 - it stands for the end of the process
    """The process ends here."""


class Crashing:
    """Nodes that are written until one kind of write ends the process, before or after it."""

    def __init__(self, kube: Kube, write: str, *, done: bool) -> None:
        self._kube = kube
        self._write = write
        self._done = done
        self.node = kube.node

    def patch_node(self, name: str, patch: Mapping[str, Any]) -> Any:
        return self._take("patch_node", name, patch)

    def patch_status(self, name: str, patch: Mapping[str, Any]) -> Any:
        return self._take("patch_status", name, patch)

    def _take(self, write: str, name: str, patch: Mapping[str, Any]) -> Any:
        if write == self._write and not self._done:
            raise Crash
        answer = getattr(self._kube, write)(name, patch)
        if write == self._write:
            raise Crash
        return answer


def test_19_a_crash_before_or_after_any_write_converges(site: Site) -> None:
    names = [f"crash-{i}" for i in range(4)]
    site.nodes(*names)
    kube = connect(Connection(kubeconfig=str(site.cluster.kubeconfig_for(USER))))
    crashes = [(write, done) for write in ("patch_node", "patch_status") for done in (False, True)]
    for name, (write, done) in zip(names, crashes, strict=True):
        site.exporters.lose_gpu(name)
        site.await_firing(name)
        nodes: Any = Crashing(kube, write, done=done)
        with pytest.raises(Crash):
            Writer(nodes, lambda: True, lambda: None).take(planned(kube.node(name)), NOW)
    half = [(bool(site.our_taints(name)), site.status(name)) for name in names]

    with bridge(site, names[0]) as process:
        for name in names:
            site.await_status(name, "True")
            site.await_status(name, "False", "RdmaLinkDown")
            site.await_taints(name, DRAINED)
            wait_until(lambda at=name: site.faults(at)[0].evidence)  # type: ignore[misc] # bound now
        cycles(process)
        settled = [site.cluster.node(name) for name in names]
        cycles(process)

    assert half == [(False, None), (True, None), (True, None), (True, "True")]
    assert [site.cluster.node(name) for name in names] == settled


def test_20_a_paused_leader_that_wakes_up_writes_nothing_more(site: Site) -> None:
    """Its Lease lasts as long as by default: a stall of them both is no change of leaders."""
    site.nodes("leaders")
    elect = ("--leader-elect", "--lease.name=railwatch-bridge")
    with bridge(site, "leaders", *elect) as first:
        wait_until(lambda: first.metric("railwatch_bridge_leader") == 1)
        site.await_status("leaders", "False")
        with bridge(site, "leaders", *elect) as second:
            second.await_ready()
            first.pause()
            wait_until(lambda: second.metric("railwatch_bridge_leader") == 1)
            site.exporters.drop_link("leaders")
            site.await_status("leaders", "True", "RdmaLinkDown")
            site.await_taints("leaders", LINK_DOWN)
            wait_until(lambda: site.faults("leaders")[0].evidence)
            cycles(second)
            written = site.cluster.node("leaders")
            first.resume()
            wait_until(lambda: first.metric("railwatch_bridge_leader") == 0)
            wait_until(lambda: "standby:" in first.get("/readyz").text)
            cycles(second, 3)
            wait_until(lambda: second.metric("railwatch_bridge_leader") == 1)
            kinds = ("set_taint", "remove_taint")
            taken = [first.metric(f'railwatch_bridge_steps_total{{kind="{k}"}}') for k in kinds]

    assert taken == [0, 0]
    assert site.cluster.node("leaders") == written


# 21: test_loop.py
