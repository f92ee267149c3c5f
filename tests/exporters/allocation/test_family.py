"""What the program makes of what its workers tell."""

import json
from dataclasses import asdict

from exporters.allocation.cards import Reading
from exporters.allocation.devices import Gpu
from exporters.allocation.family import AllocationFamily
from exporters.allocation.names import KNOWN, NAMES, mark
from exporters.allocation.pod_logs import Names, User
from exporters.allocation.pod_resources import Holding
from exporters.allocation.pods import ALLOCATABLE, HOLDING, OMITTED, SEEN, TERMINATED
from exporters.facility import End, Outcome, State
from exporters.sample import Note, Sample
from exporters.settings import Settings
from tests.exporters.samples import at, cycle, outcome

UUID = "GPU-8f1f9f75-8024-5293-9cdc-b996da010db9"
READING = Reading(gpu=Gpu(index=0, uuid=UUID), wholes={}, notes=())
HELD = Holding(namespace="prod", pod="web", container="main", source="nvidia.com/gpu", device=UUID)


def family(**settings: str | float) -> AllocationFamily:
    return AllocationFamily(Settings(**settings), 0.0, lambda _now: [READING])  # type: ignore[arg-type]  # as **kwargs has it


def said(*notes: Note, state: State = State.OK, problem: str = "") -> Outcome:
    return Outcome(facility="pods", state=state, notes=notes, problem=problem)


WHOLE = (
    Note(HOLDING, json.dumps(asdict(HELD))),
    Note(TERMINATED, 2),
    Note(OMITTED, 3),
    Note(ALLOCATABLE, f"nvidia.com/gpu {UUID}"),
)


def series(of: AllocationFamily, seconds: float) -> dict[str, Sample]:
    return {s.metric.name: s for s in of.samples(at(seconds))}


def tell(to: AllocationFamily, seconds: float, *outcomes: Outcome, end: End = End.OK) -> None:
    to._pods.fold(cycle(*outcomes, end=end), at(seconds))  # type: ignore[union-attr]  # it is on


def test_it_begins_without_a_word() -> None:
    assert list(family().samples(at(0))) == []
    assert not family().settled


def test_what_the_kubelet_tells_becomes_series() -> None:
    made = family()

    tell(made, 1, said(*WHOLE))

    found = series(made, 1)
    assert found["railwatch_gpu_allocation"].labels == ("0", UUID, "", "prod", "web", "main")
    assert found["railwatch_gpu_allocation_terminated"].value == 2
    assert found["railwatch_gpu_allocation_omitted"].value == 3
    assert found["railwatch_gpu_allocatable_devices"].labels == ("nvidia.com/gpu",)
    assert found["railwatch_gpu_allocated_devices"].value == 1
    assert made.settled


def test_a_kubelet_that_restarts_cuts_no_series_for_three_intervals() -> None:
    made = family()
    tell(made, 0, said(*WHOLE))

    tell(made, 5, said(state=State.FAILED, problem="refused"))
    tell(made, 10, end=End.HUNG)

    assert "railwatch_gpu_allocation" in series(made, 15)
    assert series(made, 15.1) == {}


def test_a_list_that_was_cut_short_counts_for_nothing() -> None:
    made = family()

    tell(made, 0, said(WHOLE[0], state=State.FAILED))

    assert series(made, 0) == {}


def test_a_list_counts_where_the_other_answer_failed() -> None:
    made = family()

    tell(made, 0, said(*WHOLE[:3], state=State.FAILED))

    assert series(made, 0)["railwatch_gpu_allocation"].value == 1
    assert "railwatch_gpu_allocatable_devices" not in series(made, 0)


def test_a_node_without_a_kubelet_any_more() -> None:
    made = family()
    tell(made, 0, said(*WHOLE))

    tell(made, 1, said(state=State.ABSENT))

    assert series(made, 1) == {}


def test_a_worker_is_told_what_is_known() -> None:
    made = family()
    (post,) = made.posts
    assert post.target() == {SEEN: 0, KNOWN: ""}
    names = Names(pods={"uid": User(namespace="prod", pod="web")}).encoded()

    tell(made, 0, outcome("names", notes={NAMES: names}), said(*WHOLE))

    assert post.target() == {SEEN: 1, KNOWN: mark(names)}


def test_jobs_have_a_post_where_a_directory_is_given() -> None:
    made = family(hpc_job_mapping_dir="/jobs")

    assert [post.family for post in made.posts] == ["allocation", "hpc"]
    assert [standing.facility for standing in made.standings(at(0))] == ["names", "pods", "jobs"]


def test_switched_off_it_reads_nothing() -> None:
    keys = frozenset(k for k in Settings().facilities if not k.startswith("allocation."))

    made = AllocationFamily(Settings(facilities=keys), 0.0, lambda _now: [READING])

    assert made.posts == []
    assert made.settled
    assert list(made.samples(at(0))) == []


def test_the_kubelet_is_asked_every_ten_seconds_at_least() -> None:
    (slow,) = family(interval=60.0).posts
    (usual,) = family().posts

    assert (slow.pace.period, usual.pace.period) == (10, 5)
