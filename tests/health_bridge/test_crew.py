"""Many nodes written side by side: in which order, how fast, and when not."""

import threading
from collections.abc import Callable
from dataclasses import replace

import pytest

from catalog.verdicts import Verdict
from health_bridge.cluster.errors import Denied, KubeError, Unreachable
from health_bridge.cluster.throttle import Throttle
from health_bridge.crew import Crew, Written, worst_first
from health_bridge.decision.decide import decide
from health_bridge.decision.quiet import Quiet
from health_bridge.decision.steps import NodeSteps
from health_bridge.metrics import Meter
from testbed.waiting import PATIENCE
from tests.health_bridge.worlds import NOW, link_down, lost_gpu, node, policy, run, sight

NAMES = [f"n{number}" for number in range(8)]


def plans(count: int = 8) -> list[NodeSteps]:
    names = NAMES[:count]
    seen = sight(*map(lost_gpu, names), nodes=names)
    return list(decide([node(name) for name in names], seen, policy(), {}).plans)


class Writing:
    """A writer that does to each node what a test says."""

    def __init__(self, take: Callable[[str], KubeError | None], size: int = 1) -> None:
        self.taken: list[str] = []
        self._take = take
        self._size = size
        self.leads = True

    def take(self, plan: NodeSteps, now: float) -> None:
        assert now == NOW
        self.taken.append(plan.node.name)
        error = self._take(plan.node.name)
        if error is not None:
            raise error

    def write(self, of: list[NodeSteps], most: int = 60) -> Written:
        crew = Crew(self, Meter(), self._size, lambda: self.leads)  # type: ignore[arg-type] # takes
        try:
            return crew.write(of, NOW, lambda: len(self.taken) >= most)
        finally:
            crew.close()


def test_the_worst_goes_first_then_the_oldest_and_recoveries_last() -> None:
    mild, grave, old, well = (node(name) for name in ("a-mild", "b-grave", "c-old", "d-well"))
    (well,) = run([well], sight(link_down("d-well"), nodes=["d-well"]))
    seen = sight(
        lost_gpu("a-mild", verdict=Verdict.AVOID),
        lost_gpu("b-grave"),
        lost_gpu("c-old", since=NOW - 3600),
        nodes=["a-mild", "b-grave", "c-old", "d-well"],
        proven=[("RdmaLinkDown", "d-well", "guid-d-well")],
    )

    ordered = worst_first(decide([mild, grave, old, well], seen, policy(), {}))

    assert [plan.node.name for plan in ordered] == ["c-old", "b-grave", "a-mild", "d-well"]


def test_as_many_nodes_as_there_are_writers_are_written_side_by_side() -> None:
    together = threading.Barrier(4, timeout=PATIENCE)

    def meet(_name: str) -> None:
        together.wait()

    writing = Writing(meet, size=4)

    written = writing.write(plans())

    assert written == Written()
    assert sorted(writing.taken) == NAMES


def test_a_node_that_cannot_be_written_holds_up_no_other() -> None:
    writing = Writing(lambda name: Denied("no") if name == "n3" else None)

    written = writing.write(plans())

    assert writing.taken == NAMES
    assert [str(error) for error in written.errors] == ["no"]


def test_a_server_that_does_not_answer_is_left_alone() -> None:
    writing = Writing(lambda _name: Unreachable("away"))

    written = writing.write(plans())

    assert writing.taken == NAMES[:3]
    assert len(written.errors) == 3


def test_a_silence_that_ends_is_forgotten() -> None:
    writing = Writing(lambda name: None if name in ("n2", "n5") else Unreachable("away"))

    writing.write(plans())

    assert writing.taken == NAMES


def test_what_there_is_no_time_for_is_left_and_said() -> None:
    writing = Writing(lambda _name: None)

    written = writing.write(plans(), most=2)

    assert writing.taken == NAMES[:2]
    assert not written.complete


def test_who_loses_the_lease_begins_no_further_node() -> None:
    writing = Writing(lambda _name: None)

    def lose(name: str) -> None:
        writing.leads = name != "n2"

    writing._take = lose
    writing.write(plans())

    assert writing.taken == NAMES[:3]


def test_a_defect_in_a_write_is_not_swallowed() -> None:
    def fail(_name: str) -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        Writing(fail, size=2).write(plans())


def test_requests_are_spread_over_time_once_the_burst_is_spent() -> None:
    now, slept = [100.0], list[float]()
    throttle = Throttle(10, 3, clock=lambda: now[0], sleep=slept.append)

    for _ in range(5):
        throttle.wait()

    assert slept == pytest.approx([0.1, 0.2])
    now[0] += 60
    slept.clear()
    for _ in range(4):
        throttle.wait()
    assert slept == pytest.approx([0.1])


def test_a_quiet_node_is_decided_on_again_once_anything_about_it_changes() -> None:
    calm = sight(nodes=NAMES)
    nodes = run([node(name) for name in NAMES], calm)
    quiet = Quiet()
    decide(nodes, calm, policy(), {}, quiet=quiet)

    def busy(seen: object = calm, of: object = nodes) -> list[str]:
        found = quiet.others(of, {}, seen, policy())  # type: ignore[arg-type] # as given
        return [each.name for each in found]

    assert busy() == []
    assert busy(of=[*nodes[1:], replace(nodes[0], cordoned=True)]) == ["n0"]
    assert busy(seen=sight(nodes=NAMES[1:])) == ["n0"]
    assert busy(seen=replace(calm, witnesses={})) == NAMES
