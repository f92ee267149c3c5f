"""Where a fault is on its way, from the first suspicion until it is cleared or out of sight."""

from dataclasses import replace

import pytest

from catalog import bridge
from health_bridge.decision.alerts import Finding
from health_bridge.decision.decide import Decision, decide
from health_bridge.decision.nodes import Node
from health_bridge.decision.record import read_record
from health_bridge.decision.sight import Sight
from health_bridge.decision.states import State
from tests.health_bridge.worlds import (
    NOW,
    blind,
    link_down,
    lost_gpu,
    node,
    policy,
    run,
    sight,
    written,
)

GPU = ("GpuFellOffBus", "GPU-a")
LINK = ("RdmaLinkDown", "guid-a")


def faulty(finding: Finding) -> list[Node]:
    return run([node("a")], sight(finding, nodes=["a"]))


def decided(nodes: list[Node], seen: Sight, memory: dict[tuple[str, str], float]) -> Decision:
    return decide(nodes, seen, policy(), memory)


def state(nodes: list[Node], seen: Sight, key: tuple[str, str] = GPU) -> State:
    return decided(nodes, seen, {}).states["a"][key]


def test_the_states_are_those_of_the_catalogue() -> None:
    assert tuple(State) == bridge.FAULT_STATES


def test_a_pending_alert_is_suspected_and_a_firing_one_active() -> None:
    pending = decided([node("a")], sight(lost_gpu("a", firing=False), nodes=["a"]), {})

    assert pending.tally == {("GpuUnavailable", State.SUSPECTED): 1}
    assert state([node("a")], sight(lost_gpu("a"), nodes=["a"])) is State.ACTIVE
    assert state(faulty(lost_gpu("a")), sight(lost_gpu("a", firing=False))) is State.ACTIVE


@pytest.mark.parametrize(
    ("boot", "wanted"),
    [(None, State.AWAITING_REBOOT), (NOW - 3600, State.AWAITING_REBOOT), (NOW, State.SOAKING)],
)
def test_a_quiet_one_awaits_its_reboot_and_then_soaks(boot: int | None, wanted: State) -> None:
    boots = {} if boot is None else {"a": float(boot)}

    assert state(faulty(lost_gpu("a")), sight(nodes=["a"], boots=boots)) is wanted


def test_one_that_demands_nothing_soaks_at_once() -> None:
    assert state(faulty(link_down("a")), sight(nodes=["a"]), LINK) is State.SOAKING


@pytest.mark.parametrize(
    "seen",
    [
        blind(),
        sight(),
        replace(sight(nodes=["a"]), complete=False),
    ],
    ids=["the source is down", "it does not observe the node", "no Alertmanager answers"],
)
def test_without_the_word_of_every_source_it_awaits_proof(seen: Sight) -> None:
    assert state(faulty(link_down("a")), seen, LINK) is State.AWAITING_PROOF


def test_out_of_sight_for_longer_than_the_grace_it_is_blind_and_told_so() -> None:
    nodes = faulty(link_down("a"))
    first = decided(nodes, blind(now=NOW + 1), {})

    later = decided(nodes, blind(now=NOW + 302), dict(first.memory))

    assert first.states["a"][LINK] is State.AWAITING_PROOF
    assert later.states["a"][LINK] is State.BLIND
    (after,) = written(nodes, later)
    (fault,) = read_record(after.devices, None).faults
    assert (fault.state, fault.action) == ("blind", "applied")


def test_a_cleared_one_is_counted_while_it_is_remembered() -> None:
    nodes = faulty(link_down("a"))
    proven = sight(nodes=["a"], proven=[("RdmaLinkDown", "a", "guid-a")])

    assert decided(nodes, proven, {}).tally == {("RdmaLinkDown", State.CLEARED): 1}


def test_the_annotation_tells_no_state_that_a_flapping_alert_changes() -> None:
    nodes = faulty(lost_gpu("a"))
    quiet = sight(nodes=["a"], boots={"a": NOW - 3600.0})
    firing = sight(lost_gpu("a"), nodes=["a"])

    awaiting = run(nodes, quiet)
    again = run(awaiting, firing)
    rebooted = run(again, sight(nodes=["a"], boots={"a": float(NOW)}))

    def told(at: Node) -> str:
        return read_record(at.devices, None).faults[0].state

    assert (told(awaiting[0]), told(rebooted[0])) == ("awaiting_reboot", "")
    assert again == awaiting
