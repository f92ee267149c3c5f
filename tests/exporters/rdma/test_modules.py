"""Transceivers, from the bytes of their memory."""

import errno
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from catalog.rdma_modules import METRICS
from exporters.errors import ReadingError
from exporters.facility import State
from exporters.rdma import modules
from exporters.rdma.transceivers import decode
from testbed.ethtool import SimulatedInterface
from testbed.transceivers import cmis, copper_qsfp, qsfp, sfp
from tests.budget import examples
from tests.exporters.rdma.interfaces import read, values


def told(interface: SimulatedInterface) -> dict[str, float]:
    every = (modules.FACILITY, modules.DETAIL_FACILITY)
    found = {name: v for one in every for name, v in values(read(one, interface)).items()}
    return {name.removeprefix("module_"): value for name, value in found.items()}


def test_a_qsfp() -> None:
    found = told(qsfp())

    assert found["info/qsfp/MAKER/QSFP-100G/SERIAL1"] == 1
    assert found["temperature_celsius"] == 40.5
    assert found["temperature_limit_celsius"] == 75
    assert found["supply_volts"] == pytest.approx(3.3)
    assert found["receive_power_watts"] == pytest.approx(1.0e-3)
    assert found["transmit_power_watts"] == pytest.approx(1.2e-3)
    assert found["laser_bias_amperes"] == pytest.approx(7e-3)
    assert found["flags"] == 0


def test_the_flags_of_a_qsfp() -> None:
    raised = {
        3: 0b0001_0010,  # lane 1 sends into the dark, lane 2 receives nothing
        4: 0b0000_1000,  # lane 4's laser has failed
        6: 0b1000_0000,  # too hot
        9: 0b0100_0000,  # lane 1 receives too little
        14: 0b0000_0001,  # lane 4 sends a little too little
    }

    found = told(qsfp(flags=raised))

    assert {name for name in found if name.startswith("flag/")} == {
        "flag/1/transmit_loss_of_signal",
        "flag/2/receive_loss_of_signal",
        "flag/4/transmit_fault",
        "flag//temperature_high_alarm",
        "flag/1/receive_power_low_alarm",
        "flag/4/transmit_power_low_warning",
    }
    assert found["flags"] == 6


def test_passive_copper_measures_nothing_and_nothing_is_made_up() -> None:
    assert told(copper_qsfp()) == {"info/qsfp/MAKER/QSFP-100G/SERIAL1": 1}


def test_an_sfp_below_zero() -> None:
    found = told(sfp(status=0b10, alarm=0b1000_0000))

    assert found["temperature_celsius"] == -5
    assert found["temperature_limit_celsius"] == 90
    assert found["supply_volts"] == pytest.approx(3.29)
    assert found["laser_bias_amperes"] == pytest.approx(6e-3)
    assert found["transmit_power_watts"] == pytest.approx(0.5e-3)
    assert found["receive_power_watts"] == pytest.approx(0.4e-3)
    assert {name for name in found if name.startswith("flag/")} == {
        "flag/1/receive_loss_of_signal",
        "flag//temperature_high_alarm",
    }


def test_an_sfp_without_monitors() -> None:
    assert told(sfp(monitored=False)) == {"info/sfp/MAKER/SFP-25G/SERIAL2": 1}


def test_a_cmis_module_shows_the_darkest_of_the_lanes_that_carry_data() -> None:
    found = told(cmis(lanes=4, flags={147: 0b1111_0100}))

    assert found["info/cmis/MAKER/OSFP-400G/SERIAL3"] == 1
    assert found["temperature_celsius"] == 55
    assert found["temperature_limit_celsius"] == 80
    assert found["receive_power_watts"] == pytest.approx(1.5e-3)
    assert found["transmit_power_watts"] == pytest.approx(2e-3)
    assert found["laser_bias_amperes"] == pytest.approx(20e-3)  # 5,000 steps of 2 µA, doubled
    assert {name for name in found if name.startswith("flag/")} == {"flag/3/receive_loss_of_signal"}


def test_every_metric_of_a_module_is_told_by_one() -> None:
    made = qsfp(flags={3: 1})
    outcomes = [read(one, made) for one in (modules.FACILITY, modules.DETAIL_FACILITY)]

    assert {s.metric for outcome in outcomes for s in outcome.samples} == set(METRICS)


def test_flags_are_bounded_and_all_are_counted() -> None:
    found = told(qsfp(flags=dict.fromkeys((3, 4, 5, 9, 10, 11, 12), 0xFF)))

    assert found["flags"] == 3 * 8 + 4 * 8
    assert len([name for name in found if name.startswith("flag/")]) == 16


def test_an_empty_cage_is_absent() -> None:
    assert read(modules.FACILITY, SimulatedInterface()).state is State.ABSENT


def test_a_kind_of_module_nobody_knows_is_absent() -> None:
    odd = SimulatedInterface(lower=b"\x7f" * 128, pages={(0x50, 0): bytes(128)})

    assert read(modules.FACILITY, odd).state is State.ABSENT


@pytest.mark.parametrize("error", [errno.EIO, errno.EPERM])
def test_a_module_that_cannot_be_read_is_a_failure_and_is_told(error: int) -> None:
    made = qsfp()
    made.error = error

    outcome = read(modules.FACILITY, made)

    assert outcome.state is State.FAILED
    assert "ethtool" in outcome.problem


@settings(max_examples=examples(150), deadline=None)
@given(kind=st.sampled_from((0x03, 0x0D, 0x11, 0x18, 0x19, 0x1E)), seed=st.integers(0, 2**32))
def test_no_memory_crashes_a_decoder_or_gives_light_below_zero(kind: int, seed: int) -> None:
    noise = random.Random(seed)

    def memory(offset: int, length: int, /, *, page: int = 0, i2c: int = 0x50) -> bytes:
        said = bytearray(noise.randbytes(length))
        if offset == 0 and i2c == 0x50:
            said[0] = kind
        return bytes(said)

    try:
        found = decode(memory)
    except ReadingError:
        return

    for lane in found.lanes:
        for value in (lane.received_watts, lane.sent_watts, lane.bias_amperes):
            assert value is None or 0 <= value < 1
    assert found.temperature_celsius is None or -128 <= found.temperature_celsius < 128
    assert all(c.isprintable() for c in found.vendor + found.part + found.serial)
