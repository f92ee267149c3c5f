"""The one Event that says by what evidence health keeps a pod waiting."""

from typing import Any

from scheduler_feedback.errors import NotFound
from scheduler_feedback.health import Refusal, assess
from scheduler_feedback.refused import Teller
from tests.scheduler_feedback.fakes import Clock, FakeCluster, Prompt
from tests.scheduler_feedback.objects import drained_node, pod


def refusals(*nodes: dict[str, Any]) -> dict[str, Refusal]:
    return {n["metadata"]["name"]: assess(n).refusals[0] for n in nodes}


def test_the_event_names_the_reasons_and_the_evidence() -> None:
    cluster = FakeCluster(nodes={n: drained_node(n) for n in ("a", "b")})
    teller = Teller(Prompt(cluster), cluster.node)

    teller.tell(pod("waits"), refusals(*cluster.nodes.values()))

    ((reason, name, message),) = cluster.events
    assert (reason, name) == ("RefusedForHealth", "waits")
    assert "GpuUnavailable (drain) on 2" in message
    assert "a: GpuFellOffBus on gpu-1 (GPU-1)" in message


def test_without_an_answer_it_still_names_the_reasons() -> None:
    cluster = FakeCluster(down=NotFound("gone"))
    teller = Teller(Prompt(cluster), cluster.node)

    teller.tell(pod("waits"), refusals(drained_node("a")))

    assert cluster.events[0][2].endswith("GpuUnavailable (drain) on 1")


def test_a_pod_that_is_tried_again_and_again_is_told_of_once() -> None:
    cluster, clock = FakeCluster(nodes={"a": drained_node("a")}), Clock()
    teller = Teller(Prompt(cluster), cluster.node, clock=clock)
    for _ in range(5):
        teller.note(pod("waits"), refusals(drained_node("a")))

    teller.run(lambda: len(cluster.events) > 0)
    clock.now += 599
    teller.note(pod("waits"), refusals(drained_node("a")))

    assert len(cluster.events) == 1
    assert teller.waiting == 0
