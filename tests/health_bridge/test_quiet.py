"""Nodes about which nothing is decided anew: that must never be seen in a decision."""

from collections.abc import Sequence
from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from health_bridge.decision.decide import decide
from health_bridge.decision.nodes import Node
from health_bridge.decision.outcome import Memory
from health_bridge.decision.policy import Policy
from health_bridge.decision.quiet import Quiet
from health_bridge.decision.sight import Sight
from tests.budget import examples
from tests.health_bridge.test_properties import fleets, policies, sights
from tests.health_bridge.worlds import NOW, lost_gpu, node, policy, run, sight, written


@given(fleets(), st.lists(sights(), min_size=1, max_size=3), policies)
@settings(max_examples=examples(40), deadline=None)
def test_every_decision_is_the_same_as_without(
    fleet: list[Node], seen: Sequence[Sight], under: Policy
) -> None:
    quiet, nodes = Quiet(), fleet
    memory: Memory = {}
    for turn, each in enumerate(each for each in seen for _ in range(3)):
        now = replace(each, now=NOW + 60 * turn)

        plain = decide(nodes, now, under, memory)

        assert decide(nodes, now, under, memory, quiet=quiet) == plain
        nodes, memory = written(nodes, plain), plain.memory


def test_a_fault_on_a_node_that_was_quiet_is_acted_on_at_once() -> None:
    calm, quiet = sight(nodes=["a", "b"]), Quiet()
    nodes = run([node("a"), node("b")], calm)
    decide(nodes, calm, policy(), {}, quiet=quiet)

    decision = decide(nodes, sight(lost_gpu("b"), nodes=["a", "b"]), policy(), {}, quiet=quiet)

    assert [plan.node.name for plan in decision.plans] == ["b"]
    assert decision.managed == 2
