"""New and rebooted nodes, which nobody has proven complete and healthy yet."""

from collections.abc import Sequence
from dataclasses import replace

import pytest

from catalog.verdicts import Verdict
from health_bridge.allowed import without_verification
from health_bridge.decision.alerts import read_prometheus
from health_bridge.decision.nodes import Node
from health_bridge.decision.policy import Policy
from health_bridge.decision.record import format_time, read_record
from health_bridge.decision.sight import Sight
from tests.health_bridge.worlds import (
    NOW,
    VERIFYING,
    lost_gpu,
    node,
    our_taints,
    policy,
    run,
    sight,
    status,
)

TYPE = "AcceleratorsUnverified"
ON = policy(proofs=VERIFYING, verify_nodes=True, started=float(NOW - 100), selector="s")
TAINT = {"accelerators-unverified": ("cordon", "NoSchedule")}
SOAK = 60


def new(name: str = "a", **fields: object) -> Node:
    return node(name, **{"boot": "boot-1", "created": NOW - 50, **fields})


def old(name: str = "b", **fields: object) -> Node:
    return new(name, **{"created": NOW - 10**6, **fields})


def quiet(now: int = NOW) -> Sight:
    return sight(nodes="ab", now=now)


def proven(now: int) -> Sight:
    return sight(nodes="ab", now=now, proven=[(TYPE, name, "node") for name in "ab"])


def outcome(at: Node) -> tuple[str | None, bool, str | None]:
    """Return condition, whether it is tainted for it, and the boot told as verified."""
    return status(at, TYPE), our_taints(at) == TAINT, at.verified_boot


def only(nodes: Sequence[Node]) -> Node:
    (after,) = nodes
    return after


def test_a_new_node_is_tainted_and_an_adopted_one_only_told() -> None:
    fresh, adopted = run([new(), old()], quiet(), under=ON)

    assert outcome(fresh) == ("True", True, None)
    assert outcome(adopted) == ("True", False, None)


def test_proof_lifts_it_and_names_the_boot() -> None:
    after = run([new(), old()], quiet(), proven(NOW + SOAK), under=ON)

    assert [outcome(each) for each in after] == [("False", False, "boot-1")] * 2
    assert run(after, proven(NOW + SOAK), under=ON) == after


def test_what_was_observed_before_the_boot_was_seen_proves_nothing() -> None:
    too_early = only(run([new()], quiet(), proven(NOW + SOAK - 1), under=ON))

    assert outcome(too_early) == ("True", True, None)


def verified() -> Node:
    return only(run([new()], quiet(), proven(NOW + SOAK), under=ON))


def test_a_reboot_asks_for_it_again() -> None:
    rebooted = replace(verified(), boot="boot-2")

    before = run([rebooted], proven(NOW + 500), under=ON)
    after = run(before, proven(NOW + 500 + SOAK), under=ON)

    assert outcome(only(before)) == ("True", True, "boot-1")
    assert outcome(only(after)) == ("False", False, "boot-2")


def test_a_second_reboot_in_between_starts_the_wait_anew() -> None:
    rebooted = run([replace(verified(), boot="boot-2")], quiet(NOW + 500), under=ON)
    again = [replace(only(rebooted), boot="boot-3")]

    after = run(again, proven(NOW + 500 + SOAK), under=ON)

    assert outcome(only(after)) == ("True", True, "boot-1")


def test_an_adopted_node_that_reboots_before_anyone_has_verified_it_is_not_tainted() -> None:
    adopted = run([old()], quiet(), under=ON)

    after = run([replace(only(adopted), boot="boot-2")], quiet(NOW + 500), under=ON)

    assert outcome(only(after)) == ("True", False, None)


@pytest.mark.parametrize("cap", [Verdict.OBSERVE, Verdict.AVOID])
def test_the_owners_cap_counts_here_too(cap: Verdict) -> None:
    tainted = {"accelerators-unverified": ("avoid", "PreferNoSchedule")}
    (after,) = run([new()], quiet(), under=replace(ON, verdict_max=cap))

    assert status(after, TYPE) == "True"
    assert our_taints(after) == ({} if cap is Verdict.OBSERVE else tainted)


def test_when_the_bridge_began_is_read_from_the_nodes() -> None:
    before = run([old()], quiet(), under=ON)
    restarted = replace(ON, started=float(NOW + 1000))

    after = run([*before, new("c", created=NOW + 500)], quiet(NOW + 1000), under=restarted)

    assert outcome(after[1]) == ("True", True, None)


def test_how_a_node_came_is_remembered_when_older_ones_have_left() -> None:
    _, fresh = run([old(), new("c", created=NOW + 1)], quiet(), quiet(NOW + 9), under=ON)

    (after,) = run([fresh], quiet(NOW + 5000), under=replace(ON, started=float(NOW + 5000)))

    assert our_taints(after) == TAINT


def test_nodes_that_another_selector_adds_are_adopted() -> None:
    before = run([old()], quiet(), under=ON)
    wider = replace(ON, selector="wider", started=float(NOW + 2000))

    after = run([*before, new("c", created=NOW + 500)], quiet(NOW + 2000), under=wider)

    assert [outcome(each)[1] for each in after] == [False, False]


def test_a_persons_word_verifies_too() -> None:
    before = only(run([new()], quiet(), under=ON))
    vouched = replace(before, verified=format_time(NOW + 30))

    after = run([vouched], quiet(NOW + 31), under=ON)

    assert outcome(only(after)) == ("False", False, "boot-1")


def test_turned_off_it_leaves_no_trace() -> None:
    off = policy(proofs=without_verification(VERIFYING))
    unverified = only(run([new()], quiet(), under=ON))

    for each in (unverified, verified()):
        after = only(run([each], quiet(NOW + 500), under=off))

        assert outcome(after) == (None, False, None)
        assert after.devices is None
        assert read_record(None, after.owned).owned.arrival is None


def test_a_taint_that_its_kubelet_registered_is_lifted_by_proof() -> None:
    registered = replace(new(), taints=only(run([new()], quiet(), under=ON)).taints)

    after = run([registered], quiet(), proven(NOW + SOAK), under=ON)

    assert outcome(only(after)) == ("False", False, "boot-1")


def test_a_node_whose_boot_nobody_reports_is_left_alone() -> None:
    (after,) = run([new(boot="")], quiet(), under=ON)

    assert our_taints(after) == {}


def test_its_faults_are_told_beside_it() -> None:
    (after,) = run([new()], sight(lost_gpu("a"), nodes="a"), under=ON)

    assert set(our_taints(after)) == {"accelerators-unverified", "gpu-unavailable"}


def test_no_alert_may_claim_it() -> None:
    told = {"alertstate": "firing", "node": "a", "verdict": "cordon"}

    reading = read_prometheus([{**told, "fault": TYPE, "condition": TYPE}], VERIFYING, "", {})

    assert (reading.findings, reading.skipped) == ((), {"unknown_fault": 1})


def test_a_damaged_arrival_never_taints_a_node_in_service() -> None:
    damaged = replace(old(), owned='{"arrival":{"selector":1}}')
    under: Policy = replace(ON, started=float(NOW))

    (after,) = run([damaged], quiet(), under=under)

    assert our_taints(after) == {}
