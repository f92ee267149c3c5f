"""What is known of one GPU, from the cycles of its workers."""

import pytest

from catalog.gpu import GPU_ECC_ERRORS, GPU_INFO, GPU_TEMPERATURE, GPU_XID_ERRORS
from exporters.facility import Cycle, End, Outcome, State
from exporters.gpu.card import Card
from exporters.gpu.inventory import Entry
from exporters.sample import Sample
from tests.exporters.samples import at, attached, cycle, outcome

UUID = "GPU-1"
NAMES = ("xid", "state", "identity", "thermal", "ecc")
BOOT: dict[str, str | int | float] = {"boot_id": "first", "boot_time": 900_000.0}
ATTACHED = attached(index=3, uuid=UUID, slot="0000:1b:00.0")


def card() -> Card:
    return Card(Entry(index=3, slot="0000:1b:00.0"), NAMES, interval=5.0)


def thermal(degrees: float) -> Outcome:
    return outcome("thermal", Sample(GPU_TEMPERATURE, ("3", UUID), degrees))


def errors(count: float) -> Cycle:
    ecc = outcome("ecc", Sample(GPU_ECC_ERRORS, ("3", UUID, "uncorrected"), count))
    return cycle(ATTACHED, outcome("state", notes=BOOT), ecc)


def info() -> Outcome:
    return outcome("identity", Sample(GPU_INFO, ("3", UUID, "H100", "", "0000:1b:00.0", ""), 1))


def status(of: Card, seconds: float) -> dict[str, float]:
    return {s.metric.name.removeprefix("railwatch_gpu_"): s.value for s in of.status(at(seconds))}


def test_nothing_is_said_of_a_gpu_that_was_never_judged() -> None:
    assert list(card().status(at(100))) == []


def test_a_gpu_that_answers_is_ok() -> None:
    made = card()

    made.fold(cycle(ATTACHED, thermal(40)), at(10))

    assert made.state == "ok"
    assert made.labels == ("3", UUID)
    assert [s.value for s in made.readings(at(10))] == [40]
    assert status(made, 12)["age_seconds"] == 2
    assert status(made, 12)["last_success_timestamp_seconds"] == 1_000_010


@pytest.mark.parametrize(
    ("end", "state"),
    [
        (End.LOST, "lost"),
        (End.HUNG, "hung"),
        (End.DIED, "unreadable"),
        (End.FAILED, "unreadable"),
        (End.ABSENT, "unreadable"),
    ],
)
def test_a_cycle_cut_short_judges_the_gpu_and_adds_no_readings(end: End, state: str) -> None:
    made = card()
    made.fold(cycle(ATTACHED, info(), thermal(40)), at(10))

    made.fold(cycle(thermal(99), end=end), at(15))

    assert made.state == state
    assert [s.value for s in made.readings(at(25)) if s.metric is GPU_TEMPERATURE] == [40]
    assert [s.metric for s in made.readings(at(25.1))] == [GPU_INFO]
    assert status(made, 40)["age_seconds"] == 30


def test_a_gpu_that_asks_for_a_reset_goes_on_being_read() -> None:
    made = card()

    made.fold(cycle(ATTACHED, thermal(40), end=End.RESET_REQUIRED), at(10))

    assert made.state == "reset_required"
    assert made.answers(at(10))


def test_actionable_xids_begin_at_zero_once_events_are_heard() -> None:
    made = card()
    assert list(made.xids()) == []

    made.fold(cycle(ATTACHED, outcome("xid", notes={"xid_watched": True})), at(10))

    counts = {s.labels[2]: s.value for s in made.xids() if s.metric is GPU_XID_ERRORS}
    assert counts["79"] == counts["48"] == 0
    assert "13" not in counts


def test_xids_outlive_workers_and_count_in_a_cycle_cut_short() -> None:
    made = card()
    heard = outcome("xid", notes={"xid_watched": True, "xid": 79})

    made.fold(cycle(ATTACHED, heard), at(10))
    made.fold(cycle(heard, end=End.LOST), at(15))
    made.fold(cycle(end=End.HUNG), at(20))

    (count, last) = [s.value for s in made.xids() if "79" in s.labels]
    assert (count, last) == (2, 1_000_015)


def test_an_unknown_xid_is_counted_under_its_number() -> None:
    made = card()

    made.fold(cycle(outcome("xid", notes={"xid_watched": True, "xid": 999})), at(10))

    assert ("3", "", "999", "unknown") in [s.labels for s in made.xids()]


def test_a_gpu_was_reset_at_the_boot_at_the_latest() -> None:
    made = card()

    made.fold(errors(0), at(10))

    assert status(made, 10)["reset_timestamp_seconds"] == 900_000


def test_falling_errors_are_a_reset_rising_ones_are_not() -> None:
    made = card()
    made.fold(errors(2), at(10))
    made.fold(errors(5), at(15))
    assert status(made, 15)["reset_timestamp_seconds"] == 900_000

    made.fold(errors(0), at(20))
    made.fold(errors(0), at(25))

    assert status(made, 25)["reset_timestamp_seconds"] == 1_000_020


def test_unread_errors_are_no_reset() -> None:
    made = card()
    made.fold(errors(2), at(10))
    made.fold(cycle(ATTACHED, outcome("state", notes=BOOT)), at(15))
    made.fold(errors(2), at(20))

    assert status(made, 20)["reset_timestamp_seconds"] == 900_000


def test_another_boot_is_a_reset_and_begins_the_counts_again() -> None:
    made = card()
    heard = outcome("xid", notes={"xid_watched": True, "xid": 79})
    made.fold(cycle(ATTACHED, heard, outcome("state", notes=BOOT)), at(10))
    made.fold(errors(3), at(12))

    again: dict[str, str | int | float] = {"boot_id": "second", "boot_time": 1_000_014.0}
    quiet = outcome("xid", notes={"xid_watched": True})
    made.fold(cycle(ATTACHED, quiet, outcome("state", notes=again)), at(15))

    assert {s.value for s in made.xids() if "79" in s.labels} == {0}
    assert status(made, 15)["reset_timestamp_seconds"] == 1_000_014


def test_a_missing_gpu_stays_missing_until_it_answers() -> None:
    made = card()
    made.fold(cycle(ATTACHED, thermal(40)), at(10))

    made.miss()
    made.fold(cycle(end=End.FAILED), at(60))
    assert made.state == "missing"

    made.fold(cycle(ATTACHED, thermal(40)), at(70))
    assert made.state == "ok"


def test_a_successor_opens_the_slot_once_it_is_known() -> None:
    made = Card(Entry(index=3), NAMES, interval=5.0)
    assert made.target() == {"index": 3}

    made.fold(cycle(ATTACHED), at(10))

    assert made.target() == {"slot": "0000:1b:00.0"}


def test_a_facility_that_failed_keeps_the_readings_it_made() -> None:
    made = card()
    partly = Outcome(
        facility="thermal",
        state=State.FAILED,
        samples=(Sample(GPU_TEMPERATURE, ("3", UUID), 40),),
        problem="x",
    )

    made.fold(cycle(ATTACHED, partly), at(10))

    assert made.ledger.records["thermal"].state is State.FAILED
    assert [s.value for s in made.readings(at(10))] == [40]
