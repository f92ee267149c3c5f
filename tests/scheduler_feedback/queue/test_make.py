"""Settings of queues that make no sense together, and what is told of queues."""

from pathlib import Path
from typing import Any

import pytest

from program.errors import ProgramError, UsageError
from scheduler_feedback.cache import NodeCache
from scheduler_feedback.gang.gather import MALFORMED, Unfit
from scheduler_feedback.gang.pods import read_member
from scheduler_feedback.gang.quotas import Found
from scheduler_feedback.gang.schedule import schedule
from scheduler_feedback.metrics import Metrics
from scheduler_feedback.queue.engines import Engines
from scheduler_feedback.queue.families import families
from scheduler_feedback.queue.file import QueueFile
from scheduler_feedback.queue.make import make_queues
from scheduler_feedback.queue.service import Queues
from scheduler_feedback.settings import Settings
from tests.scheduler_feedback.fakes import Prompt
from tests.scheduler_feedback.gang.clusters import GPU, fleet
from tests.scheduler_feedback.queue.test_engines import FakeServer
from tests.scheduler_feedback.queue.worlds import a_gang, claims


@pytest.mark.parametrize(
    ("asked", "kind", "says"),
    [
        ({"queues_reclaim": True}, UsageError, "--queues.reclaim needs --queues.file"),
        ({"queues_file": "q", "gangs": False}, UsageError, "--queues.file needs the gang"),
        ({"queues_file": "/nowhere/q"}, ProgramError, "--queues.file: /nowhere/q: No such file"),
    ],
)
def test_what_makes_no_sense_together_is_refused(
    asked: dict[str, Any], kind: type[Exception], says: str
) -> None:
    kube: Any = None  # not asked before the settings make sense

    with pytest.raises(kind, match=says):
        make_queues(
            kube,
            Settings(**asked),
            leading=lambda: True,
            announcer=Prompt(kube),
            metrics=Metrics(NodeCache(stale_after=9)),
        )


def test_every_queue_is_told_with_what_it_uses_and_who_waits_in_it(tmp_path: Path) -> None:
    file = tmp_path / "queues.yaml"
    file.write_text(
        "queues: {a: {resources: {nvidia.com/gpu: {guaranteed: 8, limit: 16}}},"
        " b: {resources: {nvidia.com/gpu: {guaranteed: 8}}}}"
    )
    queues = Queues(QueueFile(str(file)), Engines(FakeServer()), None, leading=lambda: True)
    running = a_gang("a", "there", 2, 8, at=["node-0", "node-1"])
    waiting = a_gang("a", "more", 1, 8)
    odd = read_member({"metadata": _named("c"), "spec": {}})
    assert odd is not None
    unfit = Unfit(key="c/odd", members=(odd,), reason=MALFORMED, detail="")
    found = Found(claims=claims([running]), members=(), groups=(), unfit=[unfit])

    gate = queues.open(found)
    empty = fleet(nodes=4)
    queues.settle(found, schedule([running, waiting], empty, empty, now=0, patience=9, gate=gate))

    told = {
        (sample.name.removeprefix("railwatch_scheduler_"), *sample.labels.values()): sample.value
        for family in families(queues)
        for sample in family.samples
        if sample.value
    }
    assert told == {
        ("queue_guaranteed", "railwatch", "a", GPU): 8,
        ("queue_guaranteed", "railwatch", "b", GPU): 8,
        ("queue_limit", "railwatch", "a", GPU): 16,
        ("queue_borrowable", "railwatch", "a", GPU): 8,
        ("queue_borrowable", "railwatch", "b", GPU): 8,
        ("queue_used", "railwatch", "a", GPU): 16,
        ("queue_borrowed", "railwatch", "a", GPU): 8,
        ("queue_gangs_waiting", "railwatch", "a", "queue_limit"): 1,
        ("queue_gangs_waiting", "railwatch", "none", "malformed"): 1,
        ("queues_file_good",): 1,
    }


def _named(namespace: str) -> dict[str, Any]:
    labels = {"railwatch.io/gang": "odd"}
    return {"namespace": namespace, "name": "odd-0", "uid": "u", "labels": labels}


def test_without_a_declaration_everything_is_let_in_and_nothing_told() -> None:
    queues = Queues(None, Engines(FakeServer()), None, leading=lambda: True)
    found = Found(claims=(), members=(), groups=(), unfit=())
    empty = fleet(nodes=1)

    made = schedule(
        [a_gang("a", "any", 1, 8)], empty, empty, now=0, patience=9, gate=queues.open(found)
    )
    queues.settle(found, made)

    assert len(made.placed) == 1
    assert [sample for family in families(queues) for sample in family.samples] == []
