"""Flaps, drops and error rates, from what cycles told."""

from collections.abc import Iterable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from catalog.rdma import (
    RDMA_PORT_CARRIER_DOWN,
    RDMA_PORT_LINK_DOWNED,
    RDMA_PORT_RATE,
    RDMA_PORT_STATE,
)
from catalog.rdma_counters import SYMBOL_ERROR
from catalog.rdma_ethernet import RDMA_CORRECTED_BITS, RDMA_SYMBOL_ERRORS
from exporters.rdma.error_rates import ErrorRates
from exporters.rdma.history import History
from exporters.sample import Sample
from tests.budget import examples
from tests.exporters.samples import at

PORT = ("mlx5_0", "1")
NDR = 50e9
"""Bytes a second: 400 Gb/s."""


def cycle(
    *, active: bool, downed: float | None = None, carrier: float | None = None
) -> Iterable[Sample]:
    yield Sample(RDMA_PORT_STATE, PORT, 4 if active else 1)
    if downed is not None:
        yield Sample(RDMA_PORT_LINK_DOWNED, PORT, downed)
    if carrier is not None:
        yield Sample(RDMA_PORT_CARRIER_DOWN, PORT, carrier)


def values(of: History | ErrorRates, seconds: float) -> dict[str, float]:
    return {
        "/".join((s.metric.name.removeprefix("railwatch_rdma_port_"), *s.labels[2:])): s.value
        for s in of.samples(at(seconds))
    }


def outage(of: History, start: float, length: float) -> None:
    """Let the port be down from the start for so long, read every 5 s."""
    of.learn(cycle(active=True), at(start - 5))
    for seconds in range(int(start), int(start + length), 5):
        of.learn(cycle(active=False), at(seconds))
    of.learn(cycle(active=True), at(start + length))


def test_a_port_that_stays_up_has_no_history() -> None:
    history = History()

    for seconds in range(0, 60, 5):
        history.learn(cycle(active=True, downed=3, carrier=9), at(seconds))

    assert values(history, 60) == {
        "downs_total": 0,
        "flaps_total": 0,
        "drops_total": 0,
        "flapping": 0,
        "dropped": 0,
    }


def test_an_outage_that_was_seen() -> None:
    history = History()

    outage(history, 100, 30)

    found = values(history, 130)
    assert found["downs_total"] == 1
    assert found["last_down_timestamp_seconds"] == 1_000_100
    assert found["last_up_timestamp_seconds"] == 1_000_130


def test_outages_between_two_readings_are_counted_once_by_whoever_counted_more() -> None:
    history = History()
    history.learn(cycle(active=True, downed=254, carrier=7), at(0))

    history.learn(cycle(active=True, downed=255, carrier=7), at(5))
    history.learn(cycle(active=True, downed=255, carrier=9), at(10))  # the other one sticks

    found = values(history, 10)
    assert found["downs_total"] == 2
    assert found["last_down_timestamp_seconds"] == 1_000_010


def test_a_count_that_is_begun_anew_takes_nothing_back() -> None:
    history = History()
    history.learn(cycle(active=True, carrier=7), at(0))
    history.learn(cycle(active=True, carrier=9), at(5))

    history.learn(cycle(active=True, carrier=0), at(10))
    history.learn(cycle(active=True, carrier=1), at(15))

    assert values(history, 15)["downs_total"] == 3


def test_three_flaps_within_twelve_hours_and_not_a_retraining_more() -> None:
    history = History()

    outage(history, 1_000, 20)  # too short
    outage(history, 2_000, 25)
    outage(history, 3_000, 30)
    two = values(history, 3_040)
    outage(history, 4_000, 30)

    assert (two["flaps_total"], two["flapping"]) == (2, 0)
    assert values(history, 4_040)["flapping"] == 1
    assert values(history, 2_025 + 12 * 3600)["flapping"] == 1
    assert values(history, 2_026 + 12 * 3600)["flapping"] == 0
    assert values(history, 10**6)["flaps_total"] == 3


def test_a_port_that_stays_down_is_dropped_until_ten_minutes_after_its_return() -> None:
    history = History()
    history.learn(cycle(active=True, downed=1), at(0))

    history.learn(cycle(active=False, downed=2), at(5))
    history.learn(cycle(active=False, downed=2), at(244))
    before = values(history, 244)["dropped"]
    history.learn(cycle(active=False, downed=2), at(245))
    history.learn(cycle(active=True, downed=2), at(300))

    assert before == 0
    assert values(history, 899)["dropped"] == 1
    assert values(history, 900)["dropped"] == 0
    assert values(history, 900)["drops_total"] == 1


def test_a_port_that_keeps_trying_is_not_dropped() -> None:
    history = History()
    history.learn(cycle(active=True, downed=0), at(0))

    for number, seconds in enumerate(range(5, 1000, 200)):
        history.learn(cycle(active=False, downed=number), at(seconds))

    assert values(history, 1000)["drops_total"] == 0


def test_a_port_that_never_was_active_is_not_dropped() -> None:
    history = History()

    for seconds in range(0, 1000, 5):
        history.learn(cycle(active=False), at(seconds))

    found = values(history, 1000)
    assert (found["drops_total"], found["downs_total"]) == (0, 0)


@settings(max_examples=examples(100), deadline=None)
@given(
    st.lists(
        st.tuples(
            st.booleans(),
            st.none() | st.integers(0, 255),
            st.none() | st.integers(0, 2**32),
            st.integers(1, 400),
        ),
        max_size=30,
    )
)
def test_totals_never_fall_and_never_rise_by_more_than_was_seen(
    told: list[tuple[bool, int | None, int | None, int]],
) -> None:
    history, seconds, last = History(), 0, {"downs_total": 0.0}
    heard = 0.0
    for (active, downed, carrier, wait), before in zip(told, [None, *told], strict=False):
        seconds += wait
        history.learn(cycle(active=active, downed=downed, carrier=carrier), at(seconds))

        found = values(history, seconds)
        heard += 1 + sum(one or 0 for one in (downed, carrier)) + bool(before)
        for name in ("downs_total", "flaps_total", "drops_total"):
            assert last.get(name, 0) <= found[name] <= heard
        last = found


class Link:
    """A port that is read every 5 s, and its error rates."""

    def __init__(self, rate: float = NDR) -> None:
        self.rates = ErrorRates(5.0)
        self.rate = rate
        self.seconds = 0.0

    def read(self, *counters: Sample, active: bool = True) -> None:
        self.seconds += 5
        state = Sample(RDMA_PORT_STATE, PORT, 4 if active else 1)
        rate = Sample(RDMA_PORT_RATE, PORT, self.rate)
        self.rates.learn((state, rate, *counters), at(self.seconds))

    def run(self, minutes: float, errors: float = 0, start: float = 0) -> None:
        """Count so many errors, evenly, over so many minutes."""
        steps = round(minutes * 12)
        for step in range(1, steps + 1):
            self.read(symbols(start + errors * step // steps))

    def values(self) -> dict[str, float]:
        return values(self.rates, self.seconds)


def symbols(value: float) -> Sample:
    return Sample(SYMBOL_ERROR.metric, PORT, value)


def test_a_rate_is_told_once_its_window_is_full() -> None:
    link = Link()

    link.run(12)
    early = link.values()
    link.run(1)
    short = link.values()
    link.run(113)

    assert early == {}
    assert short == {"bit_error_ratio/symbol/short": 0}
    assert link.values() == {"bit_error_ratio/symbol/short": 0, "bit_error_ratio/symbol/long": 0}


def test_what_ufm_isolates_for_is_over_its_ratio() -> None:
    link = Link()

    link.run(120, errors=30)

    assert link.values()["bit_error_ratio/symbol/short"] > 1e-14
    assert link.values()["bit_error_ratio/symbol/short"] == pytest.approx(1.04e-14, rel=0.1)


def test_at_half_the_speed_a_window_lasts_twice_as_long() -> None:
    link = Link(rate=NDR / 2)

    link.run(23.9)
    early = link.values()
    link.run(2)

    assert early == {}
    assert link.values() == {"bit_error_ratio/symbol/short": 0}


@pytest.mark.parametrize("how", ["reset", "down", "slower", "gap"])
def test_a_window_begins_anew(how: str) -> None:
    link = Link()
    link.run(13, errors=5)
    assert link.values()

    if how == "gap":
        link.seconds += 30
    link.rate = NDR / 4 if how == "slower" else NDR
    link.read(symbols(0 if how == "reset" else 5), active=how != "down")

    assert link.values() == {}


def test_a_counter_at_its_ceiling_tells_no_rate() -> None:
    link = Link()
    link.run(13, start=65_534)
    assert link.values()

    link.read(symbols(65_535))

    assert link.values() == {}


def test_the_drivers_own_count_goes_before_that_of_the_pma() -> None:
    link = Link()
    own = Sample(RDMA_SYMBOL_ERRORS, PORT, 1e9)
    corrected = Sample(RDMA_CORRECTED_BITS, PORT, 2e9)

    for _ in range(13 * 12):
        link.read(symbols(0))
        link.rates.learn((own, corrected), at(link.seconds + 1))
        own = Sample(RDMA_SYMBOL_ERRORS, PORT, own.value + 2)
        corrected = Sample(RDMA_CORRECTED_BITS, PORT, corrected.value + 2e3)

    found = link.values()
    assert found["bit_error_ratio/symbol/short"] == pytest.approx(1e-12, rel=0.01)
    assert found["bit_error_ratio/corrected/short"] == pytest.approx(1e-9, rel=0.01)


def test_a_port_that_is_no_longer_read_tells_no_rate() -> None:
    link = Link()
    link.run(13)

    assert values(link.rates, link.seconds + 16) == {}


def test_windows_are_kept_small() -> None:
    link = Link()

    link.run(130)

    (rates,) = link.rates._rates.values()
    assert all(len(window._at) <= 2 * 20 for window in rates._windows.values())
