"""Whatever servers, senders and nodes say: no crash, no wrong taint, no label without bound."""

import json
from collections.abc import Mapping
from random import Random
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from catalog import bridge
from catalog.conditions import BY_TYPE
from catalog.verdicts import Verdict
from health_bridge.decision.alerts import Reading, read_alertmanager, read_prometheus
from health_bridge.decision.decide import decide, questions
from health_bridge.decision.nodes import read_node
from health_bridge.decision.sight import Sight
from health_bridge.leases import leases_of
from health_bridge.loop import Loop
from health_bridge.metrics import Meter, Report, _told
from health_bridge.pace import Pace
from health_bridge.pause import Pause
from health_bridge.poll import Poll, Round
from health_bridge.server import Front
from health_bridge.sources import Prometheus
from program.web import Request
from tests.budget import FACTOR, examples
from tests.health_bridge.mutation import VARIANTS, mutant, scrambled, variants
from tests.health_bridge.test_server import Fleet
from tests.health_bridge.worlds import (
    KEYS,
    NOW,
    SOURCE,
    WIDE,
    document,
    lost_gpu,
    node,
    policy,
    run,
    sight,
    written,
)

CASES = 250 if FACTOR == 1 else max(examples(250), 25_000)
"""Of each of the four: 100,000 in all in make soak."""

FUZZ = settings(
    max_examples=CASES // VARIANTS,
    deadline=None,
    database=None,
    phases=(Phase.generate, Phase.shrink),
    suppress_health_check=[HealthCheck.too_slow],
)

ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)
WORDS = (
    *("a", "b", "ghost", "GPU-a", "guid-a", "leaf-1", "aws", "", "x" * 200, "\0", "é"),
    *(*BY_TYPE, *WIDE.faults, "drain", "cordon", "avoid", "firing", "pending", "prod"),
)
LABELS = ("node", "fault", "condition", "verdict", "uuid", "gpu", "guid", "device", "port")
TOLD = st.dictionaries(
    st.sampled_from((*LABELS, "domain", "line", "cluster", "alertstate", "severity")),
    st.sampled_from(WORDS) | st.text(max_size=8),
)
UNDER = policy(proofs=WIDE, budget="1")


def places() -> list[Any]:
    return [
        node("a", tiers={0: "leaf-1"}, labels={"topology.railwatch.io/line": "aws"}),
        node("b", tiers={0: "leaf-1"}),
        node("c"),
    ]


def check(seen: Sight, skipped: Mapping[str, int]) -> None:
    """Decide on what was seen: taints only within the budget, metrics only of known words."""
    decision = decide(places(), seen, UNDER, {})
    after = written(places(), decision)

    taken = [each for each in after if any(t.effect == "NoSchedule" for t in each.taints)]
    assert len(taken) <= 1
    assert not after[2].taints or any(finding.node == "c" for finding in seen.findings)
    assert skipped.keys() <= set(bridge.SKIP_REASONS)
    report = Report(began=NOW, kinds={}, seen=Round(sight=seen, skipped=skipped), decision=decision)
    for family in _told(report):
        for sample in family.samples:
            for label, value in sample.labels.items():
                assert value in BOUNDED[label]


BOUNDED: dict[str, tuple[str, ...]] = {
    "condition": tuple(BY_TYPE),
    "verdict": tuple(verdict.label for verdict in Verdict),
    "action": ("applied", "withheld"),
    "state": (*bridge.FAULT_STATES, *bridge.NODE_STATES),
    "by": bridge.WITHHOLDERS,
    "budget": bridge.WITHHOLDERS,
    "worth": bridge.VERIFIED_WORTHS,
    "reason": bridge.SKIP_REASONS,
}


@given(st.lists(TOLD, max_size=6), st.randoms(use_true_random=False))
@FUZZ
def test_alert_labels(told: list[dict[str, str]], random: Random) -> None:
    for each in variants(told, random, WORDS, shaped=True):
        if random.random() < 0.5:
            decide_on(read_prometheus(each, WIDE, "", {}), trusted=True)
        else:
            decide_on(read_open(alerts_of(each), random), trusted=False)


def alerts_of(told: list[dict[str, str]]) -> list[dict[str, Any]]:
    """Return alerts with these labels, as Alertmanager serves them."""
    return [
        {
            "labels": each,
            "annotations": {"summary": "s", "runbook_url": "u"},
            "startsAt": "2027-01-15T07:59:00Z",
            "status": {"state": "active", "silencedBy": [], "inhibitedBy": []},
        }
        for each in told
    ]


def read_open(alerts: Any, random: Random) -> Reading:
    """Read alerts of which any part may be anything at all."""
    damaged = mutant(alerts, random, WORDS) if random.random() < 0.5 else alerts
    return read_alertmanager(damaged if isinstance(damaged, list) else [damaged], WIDE, "")


def decide_on(reading: Reading, *, trusted: bool) -> None:
    seen = Sight(now=NOW, findings=reading.findings, witnesses=sight(nodes="abc").witnesses)

    check(seen, reading.skipped)
    if not trusted:
        after = written(places(), decide(places(), seen, UNDER, {}))
        assert not any(t.effect == "NoSchedule" for each in after for t in each.taints)


class Endpoint:
    """A server that answers every question with the same."""

    name = SOURCE

    def __init__(self, answer: Any) -> None:
        self.answer = answer

    def post(self, _path: str, _fields: Mapping[str, str]) -> Any:
        return self.answer


SERIES = st.fixed_dictionaries(
    {
        "metric": TOLD | ANY_JSON,
        "value": st.tuples(st.just(NOW), st.sampled_from(("1", "0", "NaN", "+Inf", "", "x"))),
    }
)
ANSWERS = ANY_JSON | st.fixed_dictionaries(
    {
        "status": st.sampled_from(("success", "error")),
        "data": st.fixed_dictionaries(
            {"resultType": st.just("vector"), "result": st.lists(SERIES | ANY_JSON, max_size=5)}
        ),
    }
)


@pytest.fixture(scope="module")
def answering() -> Any:
    endpoint = Endpoint(None)
    source: Any = Prometheus(endpoint)  # type: ignore[arg-type]  # all that is used of it
    poll = Poll([], [source], WIDE, cluster="prod", timeout=3600)
    yield endpoint, poll
    poll.close()


FAULTY = run([node("a")], sight(lost_gpu("a"), nodes="a"))


@given(answer=ANSWERS, random=st.randoms(use_true_random=False))
@FUZZ
def test_proof_answers(answering: tuple[Endpoint, Poll], answer: Any, random: Random) -> None:
    for each in variants(answer, random, WORDS, shaped=False):
        try_answer(*answering, each)


def try_answer(endpoint: Endpoint, poll: Poll, answer: Any) -> None:
    endpoint.answer = answer

    seen = poll.alerts()
    seen = poll.proofs(seen, questions(FAULTY, seen.sight, UNDER))
    (after,) = run(FAULTY, seen.sight, under=UNDER)

    check(seen.sight, seen.skipped)
    assert after.conditions["GpuUnavailable"].status == "True"


NOTES = (
    st.text()
    | ANY_JSON.map(json.dumps)
    | st.dictionaries(
        st.sampled_from(("GPU-a", "history", "node", "domain:leaf-1", "taints", "arrival")),
        ANY_JSON | st.lists(TOLD | st.dictionaries(st.sampled_from(WORDS), ANY_JSON), max_size=3),
    ).map(json.dumps)
)


NODES = st.fixed_dictionaries(
    {
        "annotations": st.dictionaries(
            st.sampled_from((KEYS.devices, KEYS.owned, KEYS.verified, KEYS.verified_boot, "other")),
            NOTES,
        ),
        "labels": st.dictionaries(
            st.sampled_from((*(f"{KEYS.tier}{i}" for i in ("0", "1", "x", "", "99999")), "pool")),
            st.sampled_from(WORDS),
        ),
        "spec": st.none()
        | st.fixed_dictionaries({"taints": st.none() | st.lists(TOLD, max_size=3)}),
        "status": st.none() | st.fixed_dictionaries({"conditions": st.lists(TOLD, max_size=3)}),
    }
)


@given(drawn=NODES, random=st.randoms(use_true_random=False))
@FUZZ
def test_node_objects(drawn: dict[str, Any], random: Random) -> None:
    for each in variants(drawn, random, WORDS, shaped=True):
        try_node(**{**dict.fromkeys(drawn), **each})


def try_node(annotations: Any, labels: Any, spec: Any, status: Any) -> None:
    metadata = {**document(node("a"))["metadata"], "annotations": annotations, "labels": labels}
    at = read_node({"metadata": metadata, "spec": spec, "status": status}, KEYS)
    foreign = [taint for taint in at.taints if taint.key not in KEYS.taints]
    assert leases_of([at]).ends.keys() <= {"a"}

    (after,) = run([at], sight(nodes="a"), under=UNDER)

    assert [taint for taint in after.taints if taint.key not in KEYS.taints] == foreign
    assert len((after.devices or "").encode()) <= 16 * 1024
    (again,) = run([after], sight(nodes="a"), under=UNDER)
    assert again.devices == after.devices


@pytest.fixture(scope="module")
def served() -> Front:
    meter = Meter()
    loop = Loop(
        fleet=Fleet(),
        poll=Poll([], [], WIDE, cluster="", timeout=1),
        policy=UNDER,
        pause=Pause(Fleet()),
        pace=Pace(interval=86_400, timeout=1),  # and for so long it counts as alive
        meter=meter,
        leading=lambda: False,
    )
    return Front(loop=loop, meter=meter, elector=None)


@given(
    body=st.binary() | ANY_JSON.map(lambda value: json.dumps(value).encode()),
    random=st.randoms(use_true_random=False),
)
@FUZZ
def test_webhook_bodies(served: Front, body: bytes, random: Random) -> None:
    for each in scrambled(body, random):
        try_body(served, each)


def try_body(served: Front, body: bytes) -> None:
    request = Request(method="POST", path="/api/v1/webhook", query={}, headers={}, body=body)

    response = served.webhook(request)

    assert response.status in (202, 400)
    exposed, _ = served.meter.exposition("")
    assert exposed.count(b"railwatch_bridge_webhook_requests_total{") == len(bridge.WEBHOOK_RESULTS)
