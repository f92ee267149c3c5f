"""What the bridge answers, on a loop that looks at nothing real."""

import io
import json
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from catalog import bridge
from catalog.metrics import Kind
from health_bridge.cluster.errors import Denied, KubeError, Unreachable
from health_bridge.decision.nodes import Node
from health_bridge.loop import Loop
from health_bridge.metrics import Meter
from health_bridge.pace import Pace
from health_bridge.pause import Pause
from health_bridge.poll import Poll
from health_bridge.server import Front
from program.access import Secret
from program.web import Request, Response
from testbed.waiting import PATIENCE, wait_until
from tests.health_bridge.worlds import KNOWN, NOW, node, policy


class Fleet:
    """Nodes in memory; `error` is what every call ends in."""

    def __init__(self, *nodes: Node) -> None:
        self.kept = list(nodes)
        self.error: Exception | None = None
        self.listed = threading.Semaphore(0)
        self.go = threading.Event()
        """What every list waits for."""
        self.go.set()

    def nodes(self, selector: str = "") -> list[Node]:
        assert selector == ""
        self.listed.release()
        self.go.wait()
        if self.error is not None:
            raise self.error
        return self.kept

    def node(self, name: str) -> Node:
        return next(each for each in self.kept if each.name == name)

    def patch_node(self, name: str, patch: Mapping[str, Any]) -> Node:
        raise AssertionError(f"{name} written: {patch}")

    patch_status = patch_node

    def config_map(self, namespace: str, name: str) -> dict[str, str] | None:
        raise AssertionError(f"{namespace}/{name} is asked for")


def front(fleet: Fleet, *, interval: float = 3600) -> Front:
    meter = Meter()
    loop = Loop(
        fleet=fleet,
        poll=Poll([], [], KNOWN, cluster="", timeout=1),
        policy=policy(),
        pause=Pause(fleet),
        pace=Pace(interval=interval, timeout=1),
        meter=meter,
        leading=lambda: True,
        out=io.StringIO(),
    )
    return Front(loop=loop, meter=meter, elector=None)


@pytest.fixture
def running() -> Iterator[tuple[Front, Fleet]]:
    fleet = Fleet(node("a"))
    served = front(fleet)
    thread = threading.Thread(target=served.loop.run)
    thread.start()
    assert fleet.listed.acquire(timeout=PATIENCE)
    yield served, fleet
    fleet.go.set()
    served.loop.stop()
    thread.join()


def post(body: bytes, *, too_large: bool = False) -> Request:
    return Request(method="POST", path="/", query={}, headers={}, body=body, too_large=too_large)


GET = Request(method="GET", path="/", query={}, headers={}, body=b"")


def exposed(served: Front) -> dict[str, float]:
    """Return each sample as it is exposed: name and labels → value."""
    text = served.metrics(GET).body.decode()
    return {
        sample.name + json.dumps(sample.labels, sort_keys=True): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


@pytest.mark.parametrize(
    ("request_", "status", "result"),
    [
        (post(b'{"version":"4","alerts":[]}'), 202, "queued"),
        (post(b'{"truncatedAlerts":9,"alerts":"nonsense"}'), 202, "queued"),
        (post(b"not json"), 400, "invalid"),
        (post(b"[1]"), 400, "invalid"),
        (post(b"\xff\xfe"), 400, "invalid"),
        (post(b"[" * 100_000), 400, "invalid"),
        (post(b"", too_large=True), 413, "too_large"),
    ],
)
def test_the_webhook_takes_any_payload_and_counts_it(
    running: tuple[Front, Fleet], request_: Request, status: int, result: str
) -> None:
    served, _ = running

    answer = served.webhook(request_)

    assert answer.status == status
    counted = exposed(served)
    assert counted[f'railwatch_bridge_webhook_requests_total{{"result": "{result}"}}'] == 1


@pytest.fixture
def guarded(running: tuple[Front, Fleet], tmp_path: Path) -> tuple[Front, Path]:
    """A bridge whose webhook asks for a token, and the file that it is in."""
    file = tmp_path / "token"
    file.write_text("sesame\n", encoding="utf-8")
    served, _ = running
    return replace(served, token=Secret(where="--webhook.bearer-token-file", path=file)), file


@pytest.mark.parametrize(
    ("authorization", "status", "result"),
    [
        ("Bearer sesame", 202, "queued"),
        ("bearer  sesame", 202, "queued"),
        (None, 401, "unauthorized"),
        ("sesame", 401, "unauthorized"),
        ("Basic c2VzYW1l", 401, "unauthorized"),
        ("Bearer", 403, "forbidden"),
        ("Bearer sesam", 403, "forbidden"),
        ("Bearer sesame sesame", 403, "forbidden"),
        ("Bearer \u00e9", 403, "forbidden"),
    ],
)
def test_only_who_brings_the_token_may_hint(
    guarded: tuple[Front, Path], authorization: str | None, status: int, result: str
) -> None:
    served, _ = guarded
    headers = {} if authorization is None else {"authorization": authorization}

    answer = served.webhook(replace(post(b"{}"), headers=headers))

    assert answer.status == status
    assert ("WWW-Authenticate" in dict(answer.headers)) is (status == 401)
    counted = exposed(served)
    assert counted[f'railwatch_bridge_webhook_requests_total{{"result": "{result}"}}'] == 1


def test_a_token_is_renewed_without_a_restart_and_its_loss_opens_nothing(
    guarded: tuple[Front, Path], caplog: pytest.LogCaptureFixture
) -> None:
    served, file = guarded
    old = replace(post(b"{}"), headers={"authorization": "Bearer sesame"})
    new = replace(post(b"{}"), headers={"authorization": "Bearer mellon"})
    file.write_text("mellon", encoding="utf-8")
    answers = [served.webhook(each).status for each in (old, new)]
    file.unlink()

    lost = served.webhook(new)

    assert answers == [403, 202]
    assert lost.status == 503
    assert "webhook token not readable" in caplog.text
    assert "mellon" not in caplog.text


def test_a_hint_makes_it_look_at_once(running: tuple[Front, Fleet]) -> None:
    served, fleet = running

    served.webhook(post(b"{}"))

    assert fleet.listed.acquire(timeout=PATIENCE)


def test_a_thousand_hints_are_few_looks(running: tuple[Front, Fleet]) -> None:
    served, fleet = running
    fleet.go.clear()
    served.webhook(post(b"{}"))
    assert fleet.listed.acquire(timeout=PATIENCE)  # it looks, until all the others are in

    for _ in range(1000):
        served.webhook(post(b"{}"))
    fleet.go.set()
    assert fleet.listed.acquire(timeout=PATIENCE)
    more = 0
    while more < 50 and fleet.listed.acquire(timeout=1):
        more += 1

    assert more <= 1


def test_a_loop_that_does_not_run_answers_503() -> None:
    served = front(Fleet())
    served.loop.stop()

    assert served.webhook(post(b"{}")).status == 503
    assert served.health(GET).status == 503


def body(answer: Response) -> str:
    return answer.body.decode()


@pytest.mark.parametrize(
    ("error", "kind"), [(Unreachable("away"), "unreachable"), (Denied("HTTP 403"), "denied")]
)
def test_a_kube_apiserver_that_does_not_do_it_is_visible(error: KubeError, kind: str) -> None:
    fleet = Fleet()
    fleet.error = error
    served = front(fleet, interval=0.1)
    thread = threading.Thread(target=served.loop.run)
    thread.start()
    wait_until(lambda: served.loop.state.error is not None)
    ready = served.ready(GET)
    metrics = exposed(served)
    served.loop.stop()
    thread.join()

    assert ready.status == 503
    assert f"kube-apiserver: {error}" in body(ready)
    assert metrics[f'railwatch_bridge_api_errors_total{{"kind": "{kind}"}}'] >= 1
    assert metrics[f'railwatch_bridge_cycle_failures_total{{"kind": "{kind}"}}'] >= 1


def test_a_defect_of_our_own_costs_one_cycle_and_not_the_program() -> None:
    fleet = Fleet(node("a"))
    fleet.error = ZeroDivisionError()
    served = front(fleet, interval=0.1)
    thread = threading.Thread(target=served.loop.run)
    thread.start()
    wait_until(lambda: served.loop.state.error is not None)
    fleet.error = None
    wait_until(lambda: served.loop.state.error is None)
    served.loop.stop()
    thread.join()

    assert exposed(served)['railwatch_bridge_cycle_failures_total{"kind": "internal"}'] >= 1


def test_without_any_prometheus_it_is_alive_and_not_ready() -> None:
    served = front(Fleet(node("a")))
    before = served.ready(GET)
    served.loop.cycle(NOW)

    after = served.ready(GET)

    assert served.health(GET).status == 200
    assert (before.status, after.status) == (503, 503)
    assert "no cycle is complete yet" in body(before)
    assert "no Prometheus answers" in body(after)


def test_exactly_the_catalogues_metrics_are_exposed() -> None:
    served = front(Fleet(node("a")))
    served.loop.cycle(NOW)
    served.meter.source_errors.labels("http://p", "prometheus").inc()

    text = served.metrics(GET).body.decode()

    families = {family.name: family for family in text_string_to_metric_families(text)}
    names = {metric.name.removesuffix("_total"): metric.kind.value for metric in bridge.METRICS}
    assert {name: family.type for name, family in families.items()} == names
    for metric in bridge.METRICS:
        if metric.kind is not Kind.HISTOGRAM:
            for sample in families[metric.name.removesuffix("_total")].samples:
                assert tuple(sorted(sample.labels)) == tuple(sorted(metric.labels))


class Racing(threading.Event):
    """Lets something happen once, right after it was looked whether it is set."""

    def __init__(self) -> None:
        super().__init__()
        self.then: list[Callable[[], None]] = []

    def is_set(self) -> bool:
        answer = super().is_set()
        for act in self.then[:1]:
            self.then.clear()
            act()
        return answer


@pytest.fixture
def between() -> tuple[Front, Fleet, Racing]:
    """A loop that has looked, and that nothing but a hint moves for an hour."""
    fleet = Fleet(node("a"))
    fleet.go.set()
    served = front(fleet)
    served.loop._has_looked = True
    served.loop._due = time.monotonic() + 3600
    served.loop._wake = wake = Racing()
    return served, fleet, wake


def test_a_hint_at_the_begin_of_a_turn_is_for_the_next(
    between: tuple[Front, Fleet, Racing],
) -> None:
    served, fleet, wake = between
    wake.then = [served.loop.hint]
    thread = threading.Thread(target=served.loop.run, daemon=True)
    thread.start()

    assert fleet.listed.acquire(timeout=PATIENCE)

    served.loop.stop()
    thread.join(timeout=PATIENCE)
    assert not thread.is_alive()


def test_a_stop_that_is_taken_for_a_hint_ends_it_all_the_same(
    between: tuple[Front, Fleet, Racing],
) -> None:
    served, _, wake = between
    served.loop.hint()
    wake.then = [served.loop.stop]
    thread = threading.Thread(target=served.loop.run, daemon=True)
    thread.start()

    thread.join(timeout=PATIENCE)

    assert not thread.is_alive()
