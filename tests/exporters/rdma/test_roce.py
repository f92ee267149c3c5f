"""What drivers count of a port's network interface, in the kernel's bytes."""

import errno
import struct
from contextlib import closing, suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from catalog.rdma_ethernet import METRICS, STATISTICS
from exporters.errors import Absent, ReadingError, Unreadable
from exporters.facility import State
from exporters.rdma import roce
from exporters.rdma.attributes import attributes, messages
from exporters.rdma.ethnl import EthtoolNetlink, Fec
from exporters.rdma.ethtool import Ethtool, names
from exporters.rdma.links import carriers
from exporters.rdma.netdev import folder
from testbed.ethtool import SimulatedEthtool, SimulatedInterface
from tests.budget import examples
from tests.exporters.rdma.interfaces import MLX5, net_port, read, values

BNXT = {
    **{f"rx_pfc_ena_frames_pri{n}": 9 * (n == 3) for n in range(8)},
    **{f"tx_pfc_ena_frames_pri{n}": 0 for n in range(8)},
    **{f"pfc_pri{n}_rx_duration_us": 1_000_000 * (n == 3) for n in range(8)},
    **{f"pfc_pri{n}_tx_transitions": 0 for n in range(8)},
    "link_down_events": 2,
    "rx_fec_corrected_blocks": 70,
    "rx_fec_uncorrectable_blocks": 1,
}
ICE = {
    **{f"rx_priority_{n}_xoff.nic": 8 * (n == 5) for n in range(8)},
    "link_xoff_rx.nic": 4,
    "rx_crc_errors.nic": 1,
}
ENA = {"bw_in_allowance_exceeded": 5, "pps_allowance_exceeded": 6, "queue_0_rx_bytes": 1}


def test_mlx5() -> None:
    outcome = read(roce.FACILITY, SimulatedInterface(MLX5, fec=(100, 2, 999)))

    assert outcome.state is State.OK
    assert values(outcome) == {
        "port_carrier_events_total/up": 0,
        "port_carrier_events_total/down": 0,
        "ethernet_pause_frames_total/3/receive": 5,
        "ethernet_pause_frames_total/3/transmit": 6,
        "ethernet_pause_seconds_total/3/receive": 2.5,
        "ethernet_pause_seconds_total/3/transmit": 3.5,
        "ethernet_pause_storm_warnings_total": 1,
        "ethernet_pause_storm_errors_total": 2,
        "ethernet_receive_discards_total": 3,
        "ethernet_transmit_discards_total": 4,
        "ethernet_out_of_buffer_total": 5,
        "ethernet_crc_errors_total": 6,
        "ethernet_symbol_errors_total": 7,
        "ethernet_fec_corrections_total": 9,
        "ethernet_link_down_events_total": 10,
        "module_events_total/bus_stuck": 2,
        "module_events_total/overheated": 3,
        "module_events_total/shorted": 4,
        "pcie_stalled_seconds_total/read": 11,
        "pcie_stalled_seconds_total/write": 12,
        "ethernet_receive_congestion_discards_total/7": 1,
        "ethernet_fec_corrected_blocks_total": 100,
        "ethernet_fec_uncorrectable_blocks_total": 2,
    }


def test_the_rest_of_it_is_told_where_asked_for() -> None:
    assert values(read(roce.DETAIL_FACILITY, SimulatedInterface(MLX5))) == {
        "ethernet_pause_transitions_total/3/receive": 4,
        "pcie_signal_errors_total/receive": 13,
        "pcie_signal_errors_total/transmit": 14,
        "pcie_buffer_overflows_total": 15,
    }


def test_a_driver_that_lists_every_priority_shows_those_that_ever_paused() -> None:
    found = values(read(roce.FACILITY, SimulatedInterface(BNXT)))

    assert found["ethernet_pause_frames_total/3/receive"] == 9
    assert found["ethernet_pause_seconds_total/3/receive"] == 1
    assert found["ethernet_link_down_events_total"] == 2
    assert found["ethernet_fec_corrected_blocks_total"] == 70
    assert [name for name in found if "pause" in name and found[name]] == [
        "ethernet_pause_frames_total/3/receive",
        "ethernet_pause_seconds_total/3/receive",
    ]


def test_a_driver_that_lists_every_priority_tells_a_zero_where_none_has_paused_since_it_began() -> (
    None
):
    quiet = dict.fromkeys(BNXT, 0)

    found = values(read(roce.FACILITY, SimulatedInterface(quiet)))

    assert [name for name in found if "pause" in name] == [
        "ethernet_pause_seconds_total/0/receive",
    ]


def test_flow_control_of_the_link_as_a_whole_is_told_where_no_priority_has_any() -> None:
    plain = {name: value for name, value in MLX5.items() if "prio" not in name}

    found = values(read(roce.FACILITY, SimulatedInterface(plain)))

    assert found["ethernet_pause_frames_total//receive"] == 0
    assert found["ethernet_pause_seconds_total//transmit"] == 0


def test_ice() -> None:
    found = values(read(roce.FACILITY, SimulatedInterface(ICE)))

    assert found["ethernet_pause_frames_total/5/receive"] == 8
    assert found["ethernet_pause_frames_total//receive"] == 4
    assert found["ethernet_crc_errors_total"] == 1


def test_ena() -> None:
    found = values(read(roce.FACILITY, SimulatedInterface(ENA)))

    assert found["ethernet_allowance_exceeded_total/bandwidth_in"] == 5
    assert found["ethernet_allowance_exceeded_total/packets"] == 6


def test_every_name_stands_for_a_metric_with_all_its_labels() -> None:
    said = dict.fromkeys(STATISTICS, 1)

    outcomes = [
        read(one, SimulatedInterface(said)) for one in (roce.FACILITY, roce.DETAIL_FACILITY)
    ]

    assert [outcome.problem for outcome in outcomes] == ["", ""]
    assert {s.metric for outcome in outcomes for s in outcome.samples} >= set(METRICS)


def test_a_bit_rate_that_the_statistics_tell_is_not_told_twice() -> None:
    outcome = read(roce.FACILITY, SimulatedInterface(MLX5, fec=(100, 2, 999)))

    series = [(s.metric.name, s.labels) for s in outcome.samples]
    assert len(series) == len(set(series))


def test_what_fec_does_not_count_is_absent() -> None:
    with net_port(SimulatedInterface(fec=None)) as port, pytest.raises(Absent):
        port.fec()


@pytest.mark.parametrize(("reason", "told"), [(4, "no_cable"), (9, "overheat"), (200, None)])
def test_why_a_link_is_down(reason: int, told: str | None) -> None:
    found = values(read(roce.FACILITY, SimulatedInterface(down_reason=reason)))

    reasons = [name.partition("/")[2] for name in found if "down_reason" in name]
    assert reasons == ([told] if told else [])


def test_an_interface_that_is_not_here_is_absent_and_one_in_trouble_is_told() -> None:
    gone = read(roce.FACILITY, SimulatedInterface(MLX5, error=errno.ENODEV))
    with net_port(SimulatedInterface(MLX5, error=errno.EIO)) as port:
        outcome = [*roce.changes(port)]
        with pytest.raises(Unreadable, match="ethtool"):
            list(roce.statistics(port))

        assert len(outcome) == 2
        assert port.port.trouble == ["ethtool/statistics"]
    assert gone.problem == ""


def test_an_interface_of_the_same_name_in_another_namespace_is_told_by_its_address() -> None:
    with net_port(SimulatedInterface(MLX5, address="02:00:00:00:00:01")) as port:
        another = port.is_here()
        address = folder(port.port, port.netdev) / "address"
        address.unlink()
        address.write_text("02:00:00:00:00:01\n")

        assert not another
        assert port.is_here()
    with net_port(SimulatedInterface(MLX5, error=errno.ENODEV)) as port:
        assert not port.is_here()


def test_names_are_read_anew_when_they_change() -> None:
    interface = SimulatedInterface({"rx_prio3_pause": 5})
    kernel = SimulatedEthtool(a=interface)
    with closing(Ethtool(kernel.ioctl)) as ethtool:
        before = dict(ethtool.statistics("a"))

        interface.statistics = {"rx_prio4_pause": 6}

        assert before == {"rx_prio3_pause": 5}
        assert ethtool.statistics("a") == {"rx_prio4_pause": 6}


def test_a_driver_that_changes_its_mind_between_two_calls_is_unreadable() -> None:
    interface = SimulatedInterface(MLX5)
    kernel = SimulatedEthtool(a=interface)

    def ioctl(descriptor: int, request: int, ifreq: bytes) -> bytes:
        if kernel.calls == 1:
            interface.statistics = {**MLX5, "one_more": 1}
        return kernel.ioctl(descriptor, request, ifreq)

    with (
        closing(Ethtool(ioctl)) as ethtool,
        pytest.raises(Unreadable, match="as it said before"),
    ):
        ethtool.statistics("a")


def test_strings_without_an_end_and_of_no_text_are_no_danger() -> None:
    said = b"x" * 32 + b"\xff".ljust(32, b"\0") + b" ok ".ljust(32, b"\0") + b"ok".ljust(32, b"\0")

    assert names(said) == {"x" * 32: 0, "ok": 2}


@settings(max_examples=examples(600), deadline=None)
@given(st.binary(max_size=200))
def test_no_bytes_from_the_kernel_crash_a_parser(received: bytes) -> None:
    for parse in (messages, attributes, carriers):
        with suppress(ReadingError):
            assert len(list(parse(received))) <= len(received) / 4


class Answer:
    """A socket on which one answer waits, whatever is asked."""

    def __init__(self, body: bytes) -> None:
        self.body = body
        self.sent = 0

    def send(self, data: bytes, /) -> int:
        self.sent += 1
        return len(data)

    def close(self) -> None:
        self.sent = 0

    def recv(self, _room: int, /) -> bytes:
        kind, body = (0x1C, self.body)
        if self.sent == 1:  # who is asked for
            kind, body = 16, struct.pack("=BBHHHHxx", 1, 1, 0, 6, 1, 0x1C)
        return struct.pack("=IHHII", 16 + len(body), kind, 0, self.sent, 0) + body


@settings(max_examples=examples(200), deadline=None)
@given(st.binary(max_size=120))
def test_no_answer_to_ethtool_crashes_it_or_gives_a_negative_number(body: bytes) -> None:
    try:
        told = EthtoolNetlink(Answer(body)).fec("a")
    except ReadingError:
        return

    numbers = (told.corrected_blocks, told.uncorrectable_blocks, told.corrected_bits)
    assert isinstance(told, Fec)
    assert all(number is None or number >= 0 for number in numbers)


@settings(max_examples=examples(100), deadline=None)
@given(
    st.dictionaries(
        st.sampled_from(sorted(STATISTICS)) | st.text("ab_.0", max_size=31),
        st.integers(0, 2**64 - 1),
        max_size=20,
    )
)
def test_no_statistic_becomes_what_no_driver_said(said: dict[str, int]) -> None:
    kernel = SimulatedEthtool(a=SimulatedInterface(said))
    expected = {name.strip(): value for name, value in said.items() if name.strip()}

    told: dict[str, int] = {}
    with closing(Ethtool(kernel.ioctl)) as ethtool, suppress(Absent):
        told = dict(ethtool.statistics("a"))

    assert told == expected
    for known, value in roce.chosen(told):
        assert value * known.scale >= 0
