"""Rented nodes: when their lease ends is told on, whatever somebody has written there."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from health_bridge.decision.decide import decide
from health_bridge.decision.nodes import read_node
from health_bridge.leases import Leases, leases_of
from health_bridge.metrics import Meter, Report
from health_bridge.poll import Round
from tests.budget import examples
from tests.health_bridge.worlds import KEYS, NOW, document, node, policy, sight

AT = 1_798_761_600
RENTED = "2027-01-01T00:00:00Z"


def told(*leases: str | None) -> Leases:
    return leases_of(node(f"n{at}", lease_end=text) for at, text in enumerate(leases))


def test_a_lease_ends_when_its_owner_says() -> None:
    found = told(RENTED, None, "2027-01-01T01:00:00+01:00", "2026-12-31T16:00:00.5-08:00")

    assert found == Leases(ends={"n0": AT, "n2": AT, "n3": AT})


@pytest.mark.parametrize(
    "text", ["", "soon", "2027-01-01", "2027-01-01T00:00:00", f"{RENTED}{' ' * 60}", "1798761600"]
)
def test_what_is_no_time_with_a_zone_is_counted_and_never_guessed(text: str) -> None:
    assert told(text, RENTED) == Leases(ends={"n1": AT}, malformed=1)


def test_a_node_that_is_not_managed_is_left_alone() -> None:
    assert leases_of([node("theirs", managed=False, lease_end=RENTED)]) == Leases()


@given(st.text(max_size=60) | st.datetimes(timezones=st.timezones()).map(lambda at: at.isoformat()))
@settings(max_examples=examples(100), deadline=None)
def test_any_text_is_a_time_or_malformed(text: str) -> None:
    found = told(text)

    assert len(found.ends) + found.malformed == 1


def test_the_annotation_becomes_a_metric_of_that_node_alone() -> None:
    rented = document(node("cloud-1"))
    rented["metadata"]["annotations"] = {"railwatch.io/lease-end": RENTED}
    nodes = [read_node(rented, KEYS), node("own-1"), node("odd-1", lease_end="soon")]
    seen = sight(nodes=["cloud-1", "own-1", "odd-1"])
    meter = Meter()
    meter.report = Report(
        began=NOW,
        kinds={},
        seen=Round(sight=seen),
        decision=decide(nodes, seen, policy(), {}),
        leases=leases_of(nodes),
    )

    lines = meter.exposition("")[0].decode().splitlines()

    ends = [line for line in lines if line.startswith("railwatch_bridge_node_lease_end")]
    (end,) = (line.rpartition(" ") for line in ends)
    assert end[0] == 'railwatch_bridge_node_lease_end_timestamp_seconds{node="cloud-1"}'
    assert float(end[2]) == AT
    assert "railwatch_bridge_malformed_lease_ends 1.0" in lines
