"""A fault that comes back must prove its recovery for longer each time."""

import json
from dataclasses import replace

import promql_parser
import pytest

from health_bridge.decision.damping import MAX_TIMES, grown, remember, times
from health_bridge.decision.decide import questions
from health_bridge.decision.nodes import Node
from health_bridge.decision.record import (
    MAX_HISTORY,
    Past,
    Record,
    dump_faults,
    format_time,
    read_record,
)
from health_bridge.decision.sight import Sight
from tests.health_bridge.worlds import NOW, link_down, node, policy, run, sight, status

DAY = 86_400
KEY = ("RdmaLinkDown", "guid-a")
PROOF = [("RdmaLinkDown", "a", "guid-a")]


def firing(now: int) -> Sight:
    return sight(link_down("a", since=now), nodes=["a"], now=now)


def proven(now: int, soaks: int = 1) -> Sight:
    return sight(nodes=["a"], now=now, proven=PROOF, soaks=soaks)


def past(at: Node) -> dict[tuple[str, str], Past]:
    return dict(read_record(at.devices, at.owned).history)


def flapped(count: int) -> list[Node]:
    """Return a node whose link has gone down and come back so often, a minute apart."""
    nodes = [node("a")]
    for turn in range(count):
        at = NOW + turn * 60
        nodes = run(nodes, firing(at), proven(at + 30, soaks=min(16, 2**turn)))
    return nodes


def test_a_cleared_fault_is_remembered_and_no_fault_is_told() -> None:
    (after,) = flapped(1)

    assert status(after, "RdmaLinkDown") == "False"
    assert past(after) == {KEY: Past(count=1, last=NOW + 30)}
    assert read_record(after.devices, after.owned).faults == ()


def test_one_that_comes_back_must_prove_two_soaks_in_a_row() -> None:
    again = run(flapped(1), firing(NOW + 60))

    (too_short,) = run(again, proven(NOW + 90))
    (enough,) = run(again, proven(NOW + 90, soaks=2))

    assert status(too_short, "RdmaLinkDown") == "True"
    assert status(enough, "RdmaLinkDown") == "False"
    assert past(enough)[KEY].count == 2


def test_what_is_asked_grows_with_every_return_up_to_a_limit() -> None:
    asked = []
    for count in range(6):
        nodes = run(flapped(count), firing(NOW + 9000))
        (question,) = questions(nodes, sight(nodes=["a"], now=NOW + 9001), policy()).proofs
        asked.append(question)

    assert asked == [("RdmaLinkDown", soaks) for soaks in (1, 2, 4, 8, 16, MAX_TIMES)]


def test_after_the_window_it_is_forgotten() -> None:
    (kept,) = run(flapped(1), sight(nodes=["a"], now=NOW + DAY))
    (gone,) = run(flapped(1), sight(nodes=["a"], now=NOW + DAY + 60))

    assert past(kept) == {KEY: Past(count=1, last=NOW + 30)}
    assert gone.devices is None


def test_while_it_is_open_its_history_is_kept_however_long_it_takes() -> None:
    nodes = run(flapped(1), firing(NOW + 60), sight(nodes=["a"], now=NOW + 3 * DAY))

    assert past(nodes[0])[KEY].count == 1


def test_a_person_who_vouches_ends_the_history() -> None:
    again = run(flapped(1), firing(NOW + 60))
    vouched = [replace(again[0], verified=format_time(NOW + 80))]

    (after,) = run(vouched, sight(nodes=["a"], now=NOW + 90))

    assert status(after, "RdmaLinkDown") == "False"
    assert after.devices is None


def test_no_window_means_no_memory() -> None:
    never = policy(flap_window=0.0)

    (after,) = run([node("a")], firing(NOW), proven(NOW + 30), under=never)

    assert after.devices is None


def test_an_annotation_of_before_history_was_kept_is_read() -> None:
    old = {
        "guid-a": [
            {
                "name": "mlx5_0/1",
                "condition": "RdmaLinkDown",
                "verdict": "cordon",
                "action": "applied",
                "fault": "RdmaLinkDown",
                "since": format_time(NOW),
            }
        ]
    }

    record = read_record(json.dumps(old), None)

    assert (record.damaged, record.history) == (False, {})
    assert times(record.faults[0].key, record.history) == 1


@pytest.mark.parametrize(
    "history",
    ["x", [1], [{"device": "d"}], [{"device": "d", "fault": "F", "count": 0, "last": ""}]],
)
def test_a_damaged_history_costs_no_fault(history: object) -> None:
    (before,) = run([node("a")], firing(NOW))
    damaged = json.dumps({**json.loads(before.devices or ""), "history": history})

    (after,) = run([replace(before, devices=damaged)], firing(NOW))

    assert after == before


def test_history_is_bounded_and_never_cut_for_evidence() -> None:
    faults = run([node("a")], firing(NOW))[0]
    record = read_record(faults.devices, None)
    many = {("Fault", f"device-{i:03}"): Past(count=1, last=NOW + i) for i in range(99)}

    kept = remember(replace(record, history=many), record.faults, NOW + 100, DAY)
    long = replace(record.faults[0], evidence="x" * 600)
    text = dump_faults([replace(long, device=f"d{i}") for i in range(40)], kept)

    assert len(kept) == MAX_HISTORY
    assert ("Fault", "device-098") in kept
    assert dict(read_record(text, None).history) == kept
    assert len((text or "").encode()) <= 16 * 1024


def test_the_grown_query_is_promql() -> None:
    query = grown("max by (node) (up)", 90.0, 4)

    promql_parser.parse(query)
    assert "[360000ms:90000ms]) >= bool 4" in query
    assert grown("up", 90.0, 1) == "up"


def test_a_reboot_that_was_verified_is_no_flap() -> None:
    assert remember(Record(), (), NOW, DAY) == {}
