"""What is known of one GPU, from the cycles of its workers."""

import pytest

from catalog.gpu import GPU_ECC_ERRORS, GPU_INFO, GPU_TEMPERATURE, GPU_XID_ERRORS
from exporters.facility import Cycle, End, Outcome, State
from exporters.gpu.card import Card
from exporters.gpu.inventory import Entry
from exporters.gpu.pci import Function
from exporters.gpu.remembered import Remembered
from exporters.moment import Moment
from exporters.sample import Sample
from tests.exporters.samples import at, attached, cycle, outcome

UUID = "GPU-1"
NAMES = ("xid", "state", "identity", "thermal", "ecc")
BOOT: dict[str, str | int | float] = {"boot_id": "first", "boot_time": 900_000.0}
ATTACHED = attached(index=3, uuid=UUID, slot="0000:1b:00.0")


def card() -> Card:
    return Card(Entry(index=3, slot="0000:1b:00.0"), NAMES, interval=5.0)


def hear(of: Card, told: Cycle, now: Moment) -> None:
    of.fold(told, now)
    of.judge(of.signs(now, patience=10.0), None)


def thermal(degrees: float) -> Outcome:
    return outcome("thermal", Sample(GPU_TEMPERATURE, ("3", UUID), degrees))


def errors(count: float) -> Cycle:
    ecc = outcome("ecc", Sample(GPU_ECC_ERRORS, ("3", UUID, "uncorrected"), count))
    return cycle(ATTACHED, outcome("state", notes=BOOT), ecc)


def info() -> Outcome:
    return outcome("identity", Sample(GPU_INFO, ("3", UUID, "H100", "", "0000:1b:00.0", ""), 1))


def status(of: Card, seconds: float) -> dict[str, float]:
    return {s.metric.name.removeprefix("railwatch_gpu_"): s.value for s in of.status(at(seconds))}


def degrees(of: Card, seconds: float) -> list[float]:
    return [s.value for s in of.readings(at(seconds)) if s.metric is GPU_TEMPERATURE]


def test_nothing_is_said_of_a_gpu_that_was_never_judged() -> None:
    assert list(card().status(at(100))) == []


def test_a_gpu_that_answers_is_ok() -> None:
    made = card()

    hear(made, cycle(ATTACHED, thermal(40)), at(10))

    assert made.state == "ok"
    assert made.labels == ("3", UUID)
    assert degrees(made, 10) == [40]
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
    hear(made, cycle(ATTACHED, info(), thermal(40)), at(10))

    hear(made, cycle(thermal(99), end=end), at(15))

    assert made.state == state
    assert degrees(made, 25) == [40]
    assert list(made.readings(at(25.1))) == []
    assert [s.labels[2] for s in made.info()] == ["H100"]
    assert status(made, 40)["age_seconds"] == 30


def test_a_gpu_that_asks_for_a_reset_goes_on_being_read() -> None:
    made = card()

    hear(made, cycle(ATTACHED, thermal(40), end=End.RESET_REQUIRED), at(10))

    assert made.state == "reset_required"
    assert made.answers(at(10))


def test_actionable_xids_begin_at_zero_once_events_are_heard() -> None:
    made = card()
    assert list(made.xids()) == []

    hear(made, cycle(ATTACHED, outcome("xid", notes={"xid_watched": True})), at(10))

    counts = {s.labels[2]: s.value for s in made.xids() if s.metric is GPU_XID_ERRORS}
    assert counts["79"] == counts["48"] == 0
    assert "13" not in counts


def test_xids_outlive_workers_and_count_in_a_cycle_cut_short() -> None:
    made = card()
    heard = outcome("xid", notes={"xid_watched": True, "xid": 79})

    hear(made, cycle(ATTACHED, heard), at(10))
    hear(made, cycle(heard, end=End.LOST), at(15))
    hear(made, cycle(end=End.HUNG), at(20))

    (count, last) = [s.value for s in made.xids() if "79" in s.labels]
    assert (count, last) == (2, 1_000_015)


def test_an_unknown_xid_is_counted_under_its_number() -> None:
    made = card()

    hear(made, cycle(outcome("xid", notes={"xid_watched": True, "xid": 999})), at(10))

    assert ("3", "", "999", "unknown") in [s.labels for s in made.xids()]


def test_a_gpu_was_reset_at_the_boot_at_the_latest() -> None:
    made = card()

    hear(made, errors(0), at(10))

    assert status(made, 10)["reset_timestamp_seconds"] == 900_000


def test_falling_errors_are_a_reset_rising_ones_are_not() -> None:
    made = card()
    hear(made, errors(2), at(10))
    hear(made, errors(5), at(15))
    assert status(made, 15)["reset_timestamp_seconds"] == 900_000

    hear(made, errors(0), at(20))
    hear(made, errors(0), at(25))

    assert status(made, 25)["reset_timestamp_seconds"] == 1_000_020


def test_unread_errors_are_no_reset() -> None:
    made = card()
    hear(made, errors(2), at(10))
    hear(made, cycle(ATTACHED, outcome("state", notes=BOOT)), at(15))
    hear(made, errors(2), at(20))

    assert status(made, 20)["reset_timestamp_seconds"] == 900_000


def test_another_boot_is_a_reset_and_begins_the_counts_again() -> None:
    made = card()
    heard = outcome("xid", notes={"xid_watched": True, "xid": 79})
    hear(made, cycle(ATTACHED, heard, outcome("state", notes=BOOT)), at(10))
    hear(made, errors(3), at(12))

    again: dict[str, str | int | float] = {"boot_id": "second", "boot_time": 1_000_014.0}
    quiet = outcome("xid", notes={"xid_watched": True})
    hear(made, cycle(ATTACHED, quiet, outcome("state", notes=again)), at(15))

    assert {s.value for s in made.xids() if "79" in s.labels} == {0}
    assert status(made, 15)["reset_timestamp_seconds"] == 1_000_014


def test_a_missing_gpu_stays_missing_until_it_answers() -> None:
    made = card()
    hear(made, cycle(ATTACHED, thermal(40)), at(10))

    made.place.listed = False
    hear(made, cycle(end=End.FAILED), at(60))
    assert made.state == "missing"

    hear(made, cycle(ATTACHED, thermal(40)), at(70))
    assert made.state == "ok"


def test_a_successor_opens_the_slot_once_it_is_known() -> None:
    made = Card(Entry(index=3), NAMES, interval=5.0)
    assert made.target() == {"index": 3}

    hear(made, cycle(ATTACHED), at(10))

    assert made.target() == {"slot": "0000:1b:00.0"}


def test_a_facility_that_failed_keeps_the_readings_it_made() -> None:
    made = card()
    partly = Outcome(
        facility="thermal",
        state=State.FAILED,
        samples=(Sample(GPU_TEMPERATURE, ("3", UUID), 40),),
        problem="x",
    )

    hear(made, cycle(ATTACHED, partly), at(10))

    assert made.ledger.records["thermal"].state is State.FAILED
    assert degrees(made, 10) == [40]


def test_a_reset_in_the_log_counts_until_a_later_one_is_seen() -> None:
    made = card()
    hear(made, errors(2), at(10))

    made.resets.at(950_000)
    assert status(made, 11)["reset_timestamp_seconds"] == 950_000
    made.resets.at(940_000)

    assert status(made, 12)["reset_timestamp_seconds"] == 950_000


FUNCTION = Function(driver="nvidia", number=7)


def test_a_function_that_was_added_anew_was_reset_then() -> None:
    made = card()
    hear(made, errors(0), at(10))
    assert made.see(FUNCTION, at(11), whole=True)
    assert not made.see(FUNCTION, at(12), whole=True)
    assert status(made, 12)["reset_timestamp_seconds"] == 900_000

    assert made.see(Function(driver="nvidia", number=8), at(13), whole=True)

    assert status(made, 13)["reset_timestamp_seconds"] == 1_000_013


def test_a_function_that_left_the_bus_is_off_it_until_it_is_back_which_is_a_reset() -> None:
    made = card()
    hear(made, errors(0), at(10))
    made.see(FUNCTION, at(11), whole=True)

    assert made.see(None, at(12), whole=True)
    without = made.readable
    assert made.see(FUNCTION, at(20), whole=True)

    assert (without, made.readable) == (False, True)
    assert status(made, 20)["reset_timestamp_seconds"] == 1_000_020


def test_a_bus_that_shows_no_gpu_says_nothing_of_one_that_only_the_driver_told_of() -> None:
    made = card()

    assert not made.see(None, at(1), whole=False)

    assert made.readable


def test_a_function_of_another_driver_is_not_read() -> None:
    made = card()

    made.see(Function(driver="vfio-pci", number=7), at(1), whole=True)
    made.judge(made.signs(at(1), 10), None)

    assert not made.readable
    assert made.state == "not_managed"


def test_an_xid_79_since_the_last_answer_makes_silence_a_loss() -> None:
    made = card()
    hear(made, cycle(ATTACHED, thermal(40)), at(10))
    made.place.fell = 1_000_009

    hear(made, cycle(end=End.HUNG), at(20))
    before = made.state
    made.place.fell = 1_000_015
    hear(made, cycle(end=End.HUNG), at(30))

    assert (before, made.state) == ("hung", "lost")


def test_who_it_was_and_when_it_answered_last_is_known_to_the_next_program() -> None:
    first = card()
    hear(first, cycle(ATTACHED, outcome("state", notes=BOOT), info(), thermal(40)), at(10))
    first.resets.at(950_000)

    kept = first.remembered(learned=True)
    second = Card(Entry(slot=kept.slot), NAMES, 5.0, kept)
    hear(second, cycle(end=End.HUNG), at(40))

    assert second.labels == ("3", UUID)
    assert [s.labels[2] for s in second.info()] == ["H100"]
    assert status(second, 40)["last_success_timestamp_seconds"] == 1_000_010
    assert status(second, 40)["age_seconds"] == 30
    hear(second, cycle(ATTACHED, outcome("state", notes=BOOT)), at(41))
    assert status(second, 41)["reset_timestamp_seconds"] == 950_000


def test_a_reset_of_another_boot_is_forgotten() -> None:
    kept = Remembered(slot="0000:1b:00.0", boot="before", reset=950_000)
    made = Card(Entry(slot=kept.slot), NAMES, 5.0, kept)

    hear(made, cycle(ATTACHED, outcome("state", notes=BOOT)), at(41))

    assert status(made, 41)["reset_timestamp_seconds"] == 900_000


def test_another_card_in_the_slot_has_nothing_of_the_old_ones_identity() -> None:
    made = card()
    hear(made, cycle(ATTACHED, info(), thermal(40)), at(10))

    hear(made, cycle(attached(index=3, uuid="GPU-2", slot="0000:1b:00.0")), at(20))

    assert [s.labels[:3] for s in made.info()] == [("3", "GPU-2", "")]


def test_how_long_a_gpu_took_is_told_while_its_readings_are() -> None:
    made = card()

    hear(made, cycle(ATTACHED, thermal(40), info()), at(10))

    told = {s.metric.name: s.value for s in made.readings(at(10))}
    assert told["railwatch_gpu_cycle_duration_seconds"] == pytest.approx(0.02)
    assert told["railwatch_gpu_attach_duration_seconds"] == pytest.approx(0.01)
    assert list(made.readings(at(26))) == []
