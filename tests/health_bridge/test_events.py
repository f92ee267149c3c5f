"""What is said in Events of a decision."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from health_bridge.decision.nodes import Node
from health_bridge.decision.policy import Policy
from health_bridge.decision.sight import Sight
from health_bridge.events import Event, events_of
from health_bridge.moment import Moment
from program.announce import MAX_MESSAGE
from tests.health_bridge.worlds import (
    KEYS,
    NOW,
    VERIFYING,
    blind,
    lost_gpu,
    node,
    policy,
    run,
    sight,
)


def said(
    nodes: Sequence[Node], seen: Sight, under: Policy | None = None, memory: Any = None
) -> list[Event]:
    """Return the Events of one decision."""
    decision = Moment(
        nodes=nodes, sight=seen, policy=under or policy(), memory=memory or {}
    ).decide()
    return [
        event
        for plan in decision.plans
        for event in events_of(plan, decision.faults.get(plan.node.name, ()), KEYS, seen.now)
    ]


def told(events: Sequence[Event]) -> list[tuple[str, str]]:
    return [(event.reason, event.message) for event in events]


def test_a_new_fault_is_told_with_its_alert_value_and_link() -> None:
    evidence = "Xid 79 seen 7 s ago; runbook: https://r/GpuFellOffBus"

    (event,) = said([node("a")], sight(lost_gpu("a", evidence=evidence), nodes=["a"]))

    assert event.reason == "FaultApplied"
    assert event.message == f"GpuFellOffBus of GPU 3 (GPU-a): drain applied; {evidence}"
    assert event.warning


def test_the_same_again_is_nothing_to_tell() -> None:
    nodes = run([node("a")], sight(lost_gpu("a"), nodes=["a"]))

    assert said(nodes, sight(lost_gpu("a"), nodes=["a"], now=NOW + 15)) == []


def test_what_is_withheld_and_then_applied_is_told_both_times() -> None:
    under, paused = policy(), policy(paused=True)
    first = said([node("a")], sight(lost_gpu("a"), nodes=["a"]), paused)
    nodes = run([node("a")], sight(lost_gpu("a"), nodes=["a"]), under=paused)

    second = said(nodes, sight(lost_gpu("a"), nodes=["a"], now=NOW + 15), under)

    assert told(first)[0][0] == "FaultWithheld"
    assert "drain withheld (pause)" in told(first)[0][1]
    assert [reason for reason, _ in told(second)] == ["FaultApplied"]


def test_a_proven_recovery_is_told_and_is_no_warning() -> None:
    nodes = run([node("a")], sight(lost_gpu("a"), nodes=["a"]))
    proven = sight(
        nodes=["a"],
        now=NOW + 600,
        proven=[("GpuFellOffBus", "a", "GPU-a")],
        boots={"a": NOW + 60.0},
    )

    (event,) = said(nodes, proven)

    assert told([event]) == [
        ("FaultCleared", "GpuFellOffBus of GPU 3 (GPU-a): over, its recovery is proven")
    ]
    assert not event.warning


def test_a_persons_word_is_told_as_such() -> None:
    (faulty,) = run([node("a")], sight(lost_gpu("a"), nodes=["a"]))
    vouched = replace(faulty, verified="2027-01-15T08:05:00Z")

    (event,) = said([vouched], sight(nodes=["a"], now=NOW + 600))

    assert event.message.endswith(": over, a person vouches for the repair")


def test_lost_telemetry_is_told_of_conditions_and_of_open_faults() -> None:
    healthy, faulty = node("a"), node("b")
    nodes = run([healthy, faulty], sight(lost_gpu("b"), nodes=["a", "b"]))
    since = {(name, kind): NOW - 1000.0 for name in "ab" for kind in ("GpuUnavailable",)}

    events = said(nodes, blind(now=NOW + 15), memory=since)

    assert {(event.node, event.reason) for event in events} == {
        ("a", "TelemetryLost"),
        ("b", "TelemetryLost"),
    }


def test_a_verified_boot_is_told() -> None:
    under = policy(proofs=VERIFYING, verify_nodes=True, started=NOW - 100.0)
    nodes = run([node("a", boot="boot-1")], sight(nodes=["a"]), under=under)
    proven = sight(nodes=["a"], now=NOW + 600, proven=[("AcceleratorsUnverified", "a", "node")])

    events = said(nodes, proven, under)

    assert ("NodeVerified", "boot-1") in [(e.reason, e.about[0]) for e in events]


def test_no_message_is_longer_than_an_event_may_be() -> None:
    fault = lost_gpu("a", name="n" * 128, device="d" * 128, evidence="e" * 5000)

    (event,) = said([node("a")], sight(fault, nodes=["a"]))

    assert len(event.message) == MAX_MESSAGE
