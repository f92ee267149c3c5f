"""What would be: decided on as if it were so, and nothing written."""

from collections.abc import Sequence
from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from health_bridge.decision.nodes import Node, Taint
from health_bridge.decision.policy import Policy
from health_bridge.decision.shadow import Shadow, after, count
from health_bridge.decision.sight import Sight
from health_bridge.moment import Moment
from tests.budget import examples
from tests.health_bridge.test_properties import fleets, policies, sights
from tests.health_bridge.worlds import (
    FOREIGN,
    KEYS,
    NOW,
    lost_gpu,
    node,
    our_taints,
    policy,
    sight,
    status,
    written,
)


def imagine(shadow: Shadow, nodes: Sequence[Node], seen: Sight) -> list[Node]:
    """Run one cycle in the shadow; return the nodes as they would be."""
    under = policy()
    decision = Moment(nodes=shadow.over(nodes), sight=seen, policy=under).decide()
    shadow.take(decision.plans)
    return shadow.over(nodes)


def test_a_fault_outlasts_its_alert_until_it_would_be_proven() -> None:
    shadow, real = Shadow(KEYS), [node("a")]

    imagine(shadow, real, sight(lost_gpu("a"), nodes=["a"]))
    (quiet,) = imagine(shadow, real, sight(nodes=["a"], now=NOW + 15))
    (proven,) = imagine(
        shadow,
        real,
        sight(
            nodes=["a"],
            now=NOW + 600,
            proven=[("GpuFellOffBus", "a", "GPU-a")],
            boots={"a": NOW + 60.0},
        ),
    )

    assert our_taints(quiet) == {"gpu-unavailable": ("drain", "NoSchedule")}
    assert (status(quiet), status(proven), our_taints(proven)) == ("True", "False", {})


def test_all_that_is_not_ours_is_as_it_really_is() -> None:
    shadow = Shadow(KEYS)
    imagine(shadow, [node("a", taints=(FOREIGN,))], sight(lost_gpu("a"), nodes=["a"]))

    other = Taint(key="example.com/new", value="", effect="NoExecute")
    (seen,) = shadow.over([node("a", taints=(other,), cordoned=True, version="7")])

    assert [taint.key for taint in seen.taints] == [other.key, "railwatch.io/gpu-unavailable"]
    assert (seen.cordoned, seen.version) == (True, "7")


def test_a_node_created_anew_or_gone_is_imagined_no_more() -> None:
    shadow = Shadow(KEYS)
    imagine(shadow, [node("a"), node("b")], sight(lost_gpu("a"), lost_gpu("b"), nodes="ab"))

    (anew,) = shadow.over([node("a", uid="another")])
    (back,) = [each for each in shadow.over([node("b")]) if each.name == "b"]

    assert our_taints(anew) == {}
    assert our_taints(back) == {}


def test_what_would_be_is_counted_by_condition() -> None:
    nodes = imagine(Shadow(KEYS), [node("a"), node("b")], sight(lost_gpu("a"), nodes=["a", "b"]))

    imagined = count(nodes, KEYS, ["GpuUnavailable", "RdmaLinkDown"])

    assert imagined.taints == {("GpuUnavailable", "drain"): 1}
    assert imagined.conditions == {
        ("GpuUnavailable", "True"): 1,
        ("GpuUnavailable", "False"): 1,
        ("RdmaLinkDown", "False"): 2,
    }


@given(fleets(), st.lists(sights(), max_size=4), policies)
@settings(max_examples=examples(40), deadline=None)
def test_a_shadow_goes_the_way_that_the_nodes_would_go(
    nodes: list[Node], seen: list[Sight], under: Policy
) -> None:
    shadow, real = Shadow(KEYS), nodes

    for each in seen:
        imagined = Moment(nodes=shadow.over(nodes), sight=each, policy=under).decide()
        shadow.take(imagined.plans)
        decided = Moment(nodes=real, sight=each, policy=under).decide()
        real = written(real, decided)

        assert imagined.faults == decided.faults
        assert [replace(n, taints=()) for n in shadow.over(nodes)] == [
            replace(n, taints=()) for n in real
        ]
        assert list(map(our_taints, shadow.over(nodes))) == list(map(our_taints, real))


def test_steps_taken_in_the_mind_leave_the_same_node_as_their_patches() -> None:
    nodes = [node("a", taints=(FOREIGN,))]
    decision = Moment(
        nodes=nodes, sight=sight(lost_gpu("a"), nodes=["a"]), policy=policy()
    ).decide()

    (plan,) = decision.plans

    assert [after(plan, KEYS)] == written(nodes, decision)
