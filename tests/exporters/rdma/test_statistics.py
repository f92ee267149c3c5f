"""Every counter of a port, on trees of files."""

import errno
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from catalog.rdma_counters import KNOWN, METRICS
from exporters.facility import Outcome, State
from exporters.rdma import statistics
from exporters.rdma.devices import by_device
from exporters.rdma.sysfs import Port, device_folder, devices, ports
from exporters.rdma.worker import attach
from exporters.runtime import run
from exporters.settings import Settings
from testbed.sysfs import SimulatedSysfs
from testbed.sysfs.hardware import COUNTER_BITS, HW_COUNTERS
from tests.budget import examples
from tests.exporters.samples import cycle

CAPTURE = Path(__file__).parents[2] / "fixtures/sysfs-h100"
ELSEWHERE = {"port_rcv_data", "port_xmit_data", "link_downed"}
KNOWN_FILES = {known.file for known in KNOWN}


def all_ports(sysfs: Path) -> Iterator[Port]:
    for name in devices(sysfs):
        yield from ports(device_folder(sysfs, name))


def read(sysfs: Path) -> Outcome:
    return run(statistics.FACILITY, all_ports(sysfs))


def values(of: Outcome, device: str = "mlx5_0", port: str = "1") -> dict[str, float]:
    """Return values by the metric's name, with the counter's where it has that label."""
    return {
        "/".join((s.metric.name.removeprefix("railwatch_rdma_"), *s.labels[2:])): s.value
        for s in of.samples
        if s.labels[:2] == (device, port)
    }


def make(root: Path, folder: str, files: dict[str, str]) -> Path:
    at = root / "class/infiniband" / folder
    at.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (at / name).write_text(f"{text}\n")
    return at


def notes(root: Path) -> list[tuple[str, str]]:
    """Return the read errors a worker notes, by facility and file."""
    outcomes = attach(Settings(sysfs=str(root)), {}).cycle()
    return [(o.facility, str(n.value)) for o in outcomes for n in o.notes if n.name == "read_error"]


def test_every_counter_of_an_mlx5_port_is_known() -> None:
    with SimulatedSysfs(ports=1) as sysfs:
        outcome = read(sysfs.path)

        assert outcome.state is State.OK
        assert len(outcome.samples) == len(COUNTER_BITS) - len(ELSEWHERE) + len(HW_COUNTERS) + 1
        assert not [name for name in values(outcome) if name.startswith("hw_statistic_total")]


def test_the_catalogue_has_the_widths_the_hardware_has() -> None:
    pma = {known.file: known.bits for known in KNOWN if known.folder == "counters"}

    assert pma == {name: bits for name, bits in COUNTER_BITS.items() if name not in ELSEWHERE}


def test_names_are_those_of_the_files_in_the_words_of_the_other_metrics() -> None:
    names = {known.file: known.metric.name for known in KNOWN}

    assert names["symbol_error"] == "railwatch_rdma_port_symbol_error_total"
    assert names["port_xmit_wait"] == "railwatch_rdma_port_transmit_wait_total"
    assert names["unicast_rcv_packets"] == "railwatch_rdma_port_unicast_receive_packets_total"
    assert names["rdma_read_bytes"] == "railwatch_rdma_port_rdma_read_bytes_total"
    assert len({metric.name for metric in METRICS}) == len(METRICS)


def test_the_h100_capture_as_its_files_say() -> None:
    with SimulatedSysfs.from_capture(CAPTURE) as sysfs:
        outcome = read(sysfs.path)

        assert outcome.state is State.OK
        found = values(outcome, "mlx5_1")
        folder = CAPTURE / "mlx5_1/ports/1"
        for known in KNOWN:
            file = folder / known.folder / known.file
            if file.exists():
                name = known.metric.name.removeprefix("railwatch_rdma_")
                assert found.pop(name) == int(file.read_text())
        assert found == {
            "port_hw_counters_lifespan_seconds": 0.012,
            "counter_saturated/excessive_buffer_overrun_errors": 1,
        }
        assert not outcome.problem


@pytest.mark.parametrize(
    ("counter", "ceiling"),
    [("symbol_error", 65535), ("local_link_integrity_errors", 15), ("link_error_recovery", 255)],
)
def test_a_counter_at_its_ceiling_is_saturated_and_no_other(counter: str, ceiling: int) -> None:
    with SimulatedSysfs(ports=1) as sysfs:
        sysfs.set_counter("mlx5_0", 1, counter, ceiling - 1)
        below = values(read(sysfs.path))
        sysfs.set_counter("mlx5_0", 1, counter, ceiling + 1)

        at = values(read(sysfs.path))

        saturated = {name: value for name, value in at.items() if "saturated" in name}
        assert saturated == {f"counter_saturated/{counter}": 1}
        assert not [name for name in below if "saturated" in name]


def test_nothing_is_said_of_a_counter_that_may_wrap() -> None:
    with SimulatedSysfs(ports=1) as sysfs:
        sysfs.set_counter("mlx5_0", 1, "out_of_sequence", 2**32 - 1)

        found = values(read(sysfs.path))

        assert found["port_out_of_sequence_total"] == 2**32 - 1
        assert not [name for name in found if "saturated" in name]


def test_an_efa_device_counts_of_the_port_and_of_the_whole(tmp_path: Path) -> None:
    make(tmp_path, "efa_0/ports/1/hw_counters", {"rx_bytes": "7", "rdma_read_wrs": "2"})
    make(tmp_path, "efa_0/hw_counters", {"submitted_cmds": "9", "alloc_pd_err": "1"})

    outcome = read(tmp_path)

    assert values(outcome, "efa_0") == {"port_rx_bytes_total": 7, "port_rdma_read_wrs_total": 2}
    assert values(outcome, "efa_0", "") == {
        "port_submitted_cmds_total": 9,
        "hw_statistic_total/alloc_pd_err": 1,
    }


def test_an_efa_port_has_bytes_as_any_other(tmp_path: Path) -> None:
    make(tmp_path, "efa_0/ports/1/hw_counters", {"rx_bytes": "7", "tx_bytes": "8"})

    outcomes = attach(Settings(sysfs=str(tmp_path)), {}).cycle()

    (counted,) = [o for o in outcomes if o.facility == "counters"]
    assert [s.value for s in counted.samples] == [7, 8]


def test_a_device_with_two_ports_tells_its_own_counters_once(tmp_path: Path) -> None:
    for number in ("1", "2"):
        make(tmp_path, f"hfi1_0/ports/{number}/hw_counters", {"RxPkt": number})
    make(tmp_path, "hfi1_0/hw_counters", {"DcRecvErr": "3"})

    outcome = read(tmp_path)

    assert [(s.labels, s.value) for s in outcome.samples] == [
        (("hfi1_0", "1", "RxPkt"), 1),
        (("hfi1_0", "", "DcRecvErr"), 3),
        (("hfi1_0", "2", "RxPkt"), 2),
    ]


def test_series_are_bounded_and_known_ones_come_first(tmp_path: Path) -> None:
    files = {f"a{number:04}": "1" for number in range(1000)}
    make(tmp_path, "x/ports/1/hw_counters", {**files, "out_of_buffer": "5"})
    make(tmp_path, "x/ports/1/counters", {**files, "symbol_error": "6"})

    found = values(read(tmp_path), "x")

    assert len(found) == 40 + 24 - 23  # those of one name in both folders
    assert found["port_out_of_buffer_total"] == 5
    assert found["port_symbol_error_total"] == 6


def test_bnxt_counts_what_others_count_under_their_names(tmp_path: Path) -> None:
    names = ("tx_cnp_pkts", "rx_ecn_marked_pkts", "oos_drop_count", "to_retransmits", "rx_bytes")
    own = {name: str(value) for value, name in enumerate(names, start=1)}
    odd = {"active_qps": "7", "watermark_qps": "9", "db_fifo_register": "123", "res_mem_err": "1"}
    make(tmp_path, "bnxt_re0/ports/1/hw_counters", {**own, **odd})

    outcome = read(tmp_path)

    assert values(outcome, "bnxt_re0") == {
        "port_np_cnp_sent_total": 1,
        "port_np_ecn_marked_roce_packets_total": 2,
        "port_out_of_sequence_total": 3,
        "port_local_ack_timeout_err_total": 4,
        "port_rx_bytes_total": 5,
        "driver_objects/qps": 7,
        "driver_objects_highest/qps": 9,
        "hw_statistic_total/res_mem_err": 1,
    }


def test_irdma_and_hfi1(tmp_path: Path) -> None:
    octets = {"ip4InOctets": "5", "ip6InOctets": "6", "ip4OutOctets": "7", "ip6OutOctets": "8"}
    make(tmp_path, "irdma0/ports/1/hw_counters", {**octets, "cnpSent": "1", "InRdmaReads": "2"})
    make(tmp_path, "hfi1_0/ports/1/hw_counters", {"RcTimeOut": "3", "RnrNak": "4"})

    outcomes = list(attach(Settings(sysfs=str(tmp_path)), {}).cycle())

    counted = [s for o in outcomes if o.facility == "counters" for s in o.samples]
    assert [(s.labels[0], s.value) for s in counted] == [("irdma0", 11), ("irdma0", 15)]
    found = values(read(tmp_path), "irdma0")
    assert found["port_np_cnp_sent_total"] == 1
    assert found["port_rx_read_requests_total"] == 2
    assert values(read(tmp_path), "hfi1_0") == {
        "port_local_ack_timeout_err_total": 3,
        "port_rnr_nak_retry_err_total": 4,
    }


def test_odd_names_are_no_series(tmp_path: Path) -> None:
    make(tmp_path, "x/ports/1/hw_counters", {"ok": "1", "not ok": "1", "é": "1", "n" * 65: "1"})

    assert values(read(tmp_path), "x") == {"hw_statistic_total/ok": 1}


def test_an_unreadable_counter_costs_one_series_and_is_counted() -> None:
    with SimulatedSysfs(ports=1) as sysfs:
        whole = values(read(sysfs.path))
        sysfs.make_unreadable("class/infiniband/mlx5_0/ports/1/counters/symbol_error")
        sysfs.write("class/infiniband/mlx5_0/ports/1/hw_counters/np_cnp_sent", "damaged")

        outcome = read(sysfs.path)

        assert outcome.state is State.FAILED
        assert "counters/symbol_error" in outcome.problem
        lost = set(whole) - set(values(outcome))
        assert lost == {"port_symbol_error_total", "port_np_cnp_sent_total"}
        assert notes(sysfs.path) == [
            ("statistics", "counters/symbol_error"),
            ("statistics", "hw_counters/np_cnp_sent"),
        ]


def test_an_odd_file_of_the_statistics_blinds_no_alert() -> None:
    with SimulatedSysfs(ports=1) as sysfs:
        sysfs.make_unreadable("class/infiniband/mlx5_0/ports/1/counters/symbol_error")

        outcomes = list(attach(Settings(sysfs=str(sysfs.path)), {}).cycle())

        states = {o.facility: o.state for o in outcomes}
        assert states == {
            "devices": State.OK,
            "port": State.OK,
            "counters": State.OK,
            "statistics": State.FAILED,
        }


def test_what_the_driver_does_not_support_is_absent_and_no_error() -> None:
    with SimulatedSysfs(ports=1) as sysfs:
        path = "class/infiniband/mlx5_0/ports/1/hw_counters/np_cnp_sent"
        sysfs.make_unreadable(path, errno.EINVAL)

        outcome = read(sysfs.path)

        assert outcome.state is State.OK
        assert "port_np_cnp_sent_total" not in values(outcome)
        assert notes(sysfs.path) == []


def test_a_port_without_pma_is_absent_not_failed(tmp_path: Path) -> None:
    make(tmp_path, "i40iw0/ports/1/counters", {"symbol_error": "N/A (no PMA)"})

    assert read(tmp_path).state is State.ABSENT


def test_files_and_devices_that_vanish_while_they_are_read_cost_only_themselves() -> None:
    with SimulatedSysfs(ports=3) as sysfs:
        session = attach(Settings(sysfs=str(sysfs.path)), {}).cycle()
        outcomes = [next(session), next(session)]  # the list, and mlx5_0's port

        sysfs.remove("mlx5_0")
        sysfs.remove("mlx5_2")
        outcomes += session

        assert not [o.problem for o in outcomes if o.problem]
        told = by_device(cycle(*outcomes))
        samples = {d: sum(len(o.samples) for o in part.outcomes) for d, part in told.items()}
        assert samples == {"mlx5_0": 5, "mlx5_1": 5 + 4 + 48, "mlx5_2": 0}


def test_a_thousand_ports(tmp_path: Path) -> None:
    for number in range(1000):
        files = {"symbol_error": str(number), "port_rcv_data": "1"}
        make(tmp_path, f"mlx5_{number}/ports/1/counters", files)
    broken = make(tmp_path, "mlx5_500/ports/1/counters", {})
    (broken / "symbol_error").unlink()
    (broken / "symbol_error").mkdir()  # EISDIR

    began = time.process_time()
    outcomes = list(attach(Settings(sysfs=str(tmp_path)), {}).cycle())
    took = time.process_time() - began

    print(f"1,000 ports: {took:.3f} s of CPU")
    found = [s for o in outcomes if o.facility == "statistics" for s in o.samples]
    assert len(found) == 999
    assert all(s.labels[0] == f"mlx5_{s.value}" for s in found)
    assert [o.notes[0].value for o in outcomes if o.problem] == ["mlx5_500"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make(tmp_path_factory.mktemp("sys"), "x/ports/1/hw_counters", {})


@settings(max_examples=examples(100), deadline=None)
@given(
    files=st.dictionaries(
        st.sampled_from(sorted(KNOWN_FILES)) | st.text("aZ0_.-é ", min_size=1, max_size=70),
        st.binary(max_size=30) | st.integers(-5, 2**65).map(lambda n: str(n).encode()),
        max_size=8,
    )
)
def test_no_tree_crashes_it_or_gives_what_no_file_says(
    folder: Path, files: dict[str, bytes]
) -> None:
    for old in folder.iterdir():
        old.unlink()
    for name, content in files.items():
        if name.strip("."):
            (folder / name).write_bytes(content)

    outcome = read(folder.parents[5])

    assert (outcome.state is State.FAILED) == bool(outcome.problem)
    assert "Error:" not in outcome.problem  # the name of an exception nobody thought of
    said = {text.strip().decode("utf-8", "replace") for text in files.values()}
    for sample in outcome.samples:
        assert sample.value >= 0
        assert str(sample.value) in {text.lstrip("0") or "0" for text in said}
