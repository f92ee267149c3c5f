"""Counters of 32 bits: what is counted on, and what is told as the kernel tells it."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from catalog.rdma_counters import SYMBOL_ERROR, by_file
from exporters.facility import Cycle, End, Outcome, State
from exporters.keeping import Keeping
from exporters.machine import Machine
from exporters.rdma.unwrap import KEPT_EVERY, Unwrap
from exporters.sample import Note, Sample
from tests.budget import examples
from tests.exporters.samples import at

WRAP = 2**32
OUT_OF_BUFFER = by_file()["hw_counters", "out_of_buffer"].metric


class Card:
    """One counter of one device, as a program reads it every 5 s."""

    def __init__(self, folder: Path, *, keeps: bool = True) -> None:
        self.folder = folder
        self.keeps = keeps
        self.bind = 1
        self.seconds = 0.0
        self.proc = folder / "proc"
        self.boot("first")
        self.start()

    def boot(self, identity: str) -> None:
        (self.proc / "sys/kernel/random").mkdir(parents=True, exist_ok=True)
        (self.proc / "stat").write_text("btime 1000000\n")
        (self.proc / "sys/kernel/random/boot_id").write_text(f"{identity}\n")

    def start(self) -> None:
        directory = str(self.folder / "state") if self.keeps else ""
        self.keeping = Keeping(directory, Machine(serial="S1"))
        self.unwrap = Unwrap(self.keeping, str(self.proc))

    def restart(self) -> None:
        self.keeping.flush(5)
        self.start()

    def read(self, value: int, wait: float = 5) -> float:
        self.seconds += wait
        sample = Sample(OUT_OF_BUFFER, ("mlx5_0", "1"), value)
        notes = (Note("device", "mlx5_0"), Note("bind", self.bind))
        outcome = Outcome(facility="statistics", state=State.OK, samples=(sample,), notes=notes)
        cycle = self.unwrap.take(Cycle(outcomes=(outcome,), end=End.OK), at(self.seconds))
        return cycle.outcomes[0].samples[0].value

    def run_to_wrap(self) -> float:
        """Let it count 1,000 events a reading, over the edge."""
        for step in range(5):
            self.read(WRAP - 4_500 + 1_000 * step)
        return self.read(500)


@pytest.fixture
def card(tmp_path: Path) -> Card:
    return Card(tmp_path)


def test_a_counter_that_wraps_goes_on(card: Card) -> None:
    assert card.run_to_wrap() == WRAP + 500
    assert card.read(1_500) == WRAP + 1_500


def test_a_restart_of_the_program_takes_nothing_back(card: Card) -> None:
    card.run_to_wrap()

    card.restart()

    assert card.read(1_500) == WRAP + 1_500


def test_without_a_place_to_keep_it_the_kernels_number_is_told(tmp_path: Path) -> None:
    assert Card(tmp_path, keeps=False).run_to_wrap() == 500


def test_a_fall_from_below_is_a_reset(card: Card) -> None:
    card.read(10_000)
    card.read(11_000)

    assert card.read(5) == 5


def test_a_fall_that_would_be_too_fast_for_a_wrap_is_a_reset(card: Card) -> None:
    card.read(WRAP - 1_000_000)
    card.read(WRAP - 999_000)

    assert card.read(5) == 5


def test_nothing_is_proven_by_a_single_reading_or_after_a_gap(card: Card) -> None:
    card.read(WRAP - 10)
    alone = card.read(5)
    for step in range(4):
        card.read(WRAP - 4_500 + 1_000 * step)

    assert alone == 5
    assert card.read(500, wait=600) == 500


def test_a_device_that_was_bound_anew_begins_anew(card: Card) -> None:
    card.run_to_wrap()

    card.bind = 2
    bound = card.read(700)
    card.restart()

    assert bound == 700
    assert card.read(800) == 800


def test_another_boot_forgets(card: Card) -> None:
    card.run_to_wrap()

    card.boot("second")
    card.restart()

    assert card.read(1_500) == 1_500


def test_a_counter_that_fell_while_the_program_was_away_is_told_as_it_is(card: Card) -> None:
    card.run_to_wrap()

    card.restart()

    assert card.read(100) == 100


def test_one_that_fell_long_after_its_last_wrap_is_so_too(card: Card) -> None:
    card.run_to_wrap()
    before = card.read(3_000_000_000, wait=KEPT_EVERY)

    card.restart()

    assert (before, card.read(2_000_000_000)) == (WRAP + 3_000_000_000, 2_000_000_000)


def test_a_counter_of_another_width_is_left_alone(card: Card) -> None:
    sample = Sample(SYMBOL_ERROR.metric, ("mlx5_0", "1"), 7)
    outcome = Outcome(
        facility="statistics", state=State.OK, samples=(sample,), notes=(Note("bind", 1),)
    )
    cycle = Cycle(outcomes=(outcome,), end=End.OK)

    assert card.unwrap.take(cycle, at(1)) == cycle


@pytest.mark.parametrize(
    "kept",
    [3, [], {"boot": "first"}, {"boot": "first", "wraps": {"a": 1}}, {"boot": "first", "wraps": 1}],
)
def test_what_was_kept_and_is_damaged_was_not_kept(card: Card, kept: object) -> None:
    card.keeping._sections["rdma_wraps"] = kept

    card.unwrap = Unwrap(card.keeping, str(card.proc))

    assert card.read(7) == 7


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("state")


@settings(max_examples=examples(200), deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(0, WRAP - 1), st.integers(1, 120), st.integers(1, 2)), max_size=20
    )
)
def test_no_total_jumps_by_a_wrap_that_is_not_proven(
    folder: Path, readings: list[tuple[int, int, int]]
) -> None:
    card = Card(folder)
    card.unwrap._kept = {}
    before: list[tuple[int, int, int, float]] = []
    for value, wait, bind in readings:
        card.bind = bind
        total = card.read(value, wait=wait)

        assert total >= 0
        assert total % WRAP == value
        wraps = (total - value) / WRAP
        if wraps and wraps != (before[-1][3] if before else 0):
            (older, _, _, _), (old, old_wait, old_bind, _) = before[-2:]
            assert bind == old_bind
            assert old >= WRAP / 2
            assert (value + WRAP - old) / wait <= 2 * (old - older) / old_wait
        before.append((value, wait, bind, wraps))
