"""`--compat node_exporter` beside the real one, on the same trees, series by series."""

import os
import subprocess
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from catalog.compat_node_exporter import LEGACY, NODE_EXPORTER
from catalog.rdma_counters import DRIVER, RDMA_HW_STATISTIC, by_file
from exporters.compat.node_exporter import emit
from exporters.sample import Sample
from testbed.sysfs import SimulatedSysfs
from testbed.sysfs.hardware import COUNTER_BITS, HW_COUNTERS
from tests.exporters.compat.peer import node_exporter
from tests.exporters.running import EXPORTER, ROOT

CAPTURE = Path(__file__).parents[2] / "fixtures/sysfs-h100"

Series = dict[tuple[str, str, tuple[tuple[str, str], ...]], float]

PORT = {"link_layer": "InfiniBand", "state": "4: ACTIVE", "phys_state": "5: LinkUp"}
EFA_COUNTERS = {"tx_bytes": 7, "rx_bytes": 8, "rx_drops": 0, "rdma_read_bytes": 3, "lifespan": 12}


@contextmanager
def captured() -> Iterator[Path]:
    with SimulatedSysfs.from_capture(CAPTURE) as sysfs:
        yield sysfs.path


@contextmanager
def busy_ports() -> Iterator[Path]:
    """Eight ports with another number in each counter, some beyond what a double tells apart."""
    with SimulatedSysfs(ports=8) as sysfs:
        for index in range(8):
            for at, name in enumerate((*COUNTER_BITS, *HW_COUNTERS)):
                sysfs.set_counter(f"mlx5_{index}", 1, name, 3 + index * 1000 + at * 7)
        sysfs.set_counter("mlx5_1", 1, "link_downed", 255)
        sysfs.set_counter("mlx5_2", 1, "port_rcv_data", 2**62 + 2**61 + 5)
        sysfs.set_counter("mlx5_3", 1, "port_xmit_packets", 2**53 + 1)
        sysfs.set_state("mlx5_4", 1, "DOWN")
        sysfs.remove("mlx5_5")
        yield sysfs.path


@contextmanager
def roce_with_two_ports() -> Iterator[Path]:
    with SimulatedSysfs(ports=4, ports_per_device=2, link_layer="Ethernet") as sysfs:
        sysfs.set_counter("mlx5_0", 2, "np_cnp_sent", 12)
        yield sysfs.path


def put(device: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        at = device / name
        at.parent.mkdir(parents=True, exist_ok=True)
        at.write_text(f"{text}\n")


OTHER_DRIVERS = {
    "bnxt_re0": (
        "active_qps", "rx_pkts", "rx_bytes", "tx_pkts", "tx_bytes", "recoverable_errors",
        "to_retransmits", "seq_err_naks_rcvd", "max_retry_exceeded", "rnr_naks_rcvd",
        "missing_resp", "dup_req", "oos_drop_count", "res_oob_drop_count", "rx_cnp_pkts",
        "tx_cnp_pkts", "rx_ecn_marked_pkts",
    ),
    "irdma0": (
        "ip4InOctets", "ip4OutOctets", "ip6InOctets", "ip6OutOctets", "cnpHandled", "cnpIgnored",
        "cnpSent", "RxECNMrkd", "InRdmaWrites", "InRdmaReads", "tcpRetransSegs", "rxVlanErrors",
    ),
    "hfi1_0": ("CcePciCrdtErr", "RcvHdrOvr", "TxFlowStall", "LinkDown"),
}  # fmt: skip


def odd_devices(root: Path) -> None:
    """A virtual function, EFA, an old device without a PMA, and odd rates."""
    every = root / "class/infiniband"
    port = {f"ports/1/{name}": text for name, text in PORT.items()}
    put(
        every / "mlx5_8",
        {
            "fw_ver": "28.41.1000", "board_id": "MT_0000000838", "hca_type": "MT4130",
            **port, "ports/1/rate": "400 Gb/sec (4X NDR)",
            "ports/1/counters/port_rcv_data": "10", "ports/1/counters/port_xmit_data": "11",
            "ports/1/counters/port_rcv_packets": "12", "ports/1/counters/port_rcv_discards": "4",
            "ports/1/hw_counters/out_of_buffer": "4294967295", "ports/1/hw_counters/lifespan": "10",
        },
    )  # fmt: skip
    function = root / "devices/pci0000:17/0000:18:00.2"
    (function / "physfn").mkdir(parents=True)
    (every / "mlx5_8/device").symlink_to(os.path.relpath(function, every / "mlx5_8"))
    counters = {f"ports/1/hw_counters/{name}": str(v) for name, v in EFA_COUNTERS.items()}
    put(
        every / "efa_0",
        {
            "fw_ver": "0.0.0.0", "node_guid": "0000:0000:0000:0000",
            **port, "ports/1/link_layer": "Unspecified", "ports/1/rate": "100 Gb/sec (4X EDR)",
            **counters, "hw_counters/submitted_cmds": "9", "hw_counters/lifespan": "2000",
        },
    )  # fmt: skip
    put(
        every / "i40iw0",
        {
            "fw_ver": "0.2", "board_id": "I40IW Board ID", "hca_type": "I40IW",
            **port, "ports/1/rate": "2.5 Gb/sec (1X SDR)",
            "ports/1/counters/port_rcv_data": "N/A (no PMA)",
            "ports/1/counters/symbol_error": "N/A (no PMA)",
            "ports/1/hw_counters/lifespan": "1999", "ports/1/hw_counters/ip4InOctets": "3",
        },
    )  # fmt: skip
    put(
        every / "mlx5_9",
        {"fw_ver": "1", **port, "ports/1/rate": "0.1 Gb/sec (1X)", "ports/1/counters/x": "1"},
    )


def other_drivers(root: Path) -> None:
    """Devices whose drivers give other names to what ours tells under one."""
    for device, names in OTHER_DRIVERS.items():
        counters = {f"ports/1/hw_counters/{name}": str(n) for n, name in enumerate(names, 1)}
        port = {f"ports/1/{name}": text for name, text in PORT.items()}
        put(
            root / "class/infiniband" / device,
            {
                "fw_ver": "1", "board_id": "", "hca_type": "X",
                **port, "ports/1/rate": "100 Gb/sec (4X EDR)", **counters,
            },
        )  # fmt: skip


@contextmanager
def others() -> Iterator[Path]:
    with SimulatedSysfs(ports=1) as sysfs:
        other_drivers(sysfs.path)
        yield sysfs.path


@contextmanager
def old_kernel() -> Iterator[Path]:
    """The 64-bit counters of kernels before 4.5, words beyond what fits when they are bytes."""
    files = {
        "port_multicast_rcv_packets": "1", "port_multicast_xmit_packets": "2",
        "port_rcv_data_64": str(2**62 + 2**61), "port_rcv_packets_64": "4",
        "port_unicast_rcv_packets": "5", "port_unicast_xmit_packets": "N/A (no PMA)",
        "port_xmit_data_64": "7", "port_xmit_packets_64": "8", "of_yesterday": "9",
    }  # fmt: skip
    with SimulatedSysfs(ports=2) as sysfs:
        folder = sysfs.path / "class/infiniband/mlx5_1/ports/1/counters_ext"
        put(folder, files)
        yield sysfs.path


@contextmanager
def odd() -> Iterator[Path]:
    with SimulatedSysfs(ports=1) as sysfs:
        odd_devices(sysfs.path)
        yield sysfs.path


def infiniband(exposition: str) -> Series:
    return {
        (family.type, sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(exposition)
        for sample in family.samples
        if sample.name.startswith("node_infiniband_")
    }


def ours(sysfs: Path) -> str:
    flags = ("--no-collector.gpu", "--no-collector.node", "--path.sysfs", str(sysfs))
    done = subprocess.run(
        [*EXPORTER, *flags, "--once", "--compat", "node_exporter"],
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
        cwd=ROOT,
    )
    return done.stdout


@pytest.mark.parametrize(
    "tree", [captured, busy_ports, roce_with_two_ports, odd, others, old_kernel]
)
def test_equals_the_real_one(tree: Callable[[], AbstractContextManager[Path]]) -> None:
    with tree() as sysfs, node_exporter(sysfs) as peer:
        theirs = infiniband(peer.scrape())

        assert len(theirs) > 10
        assert infiniband(ours(sysfs)) == theirs


def test_every_name_is_one_that_the_real_one_has() -> None:
    with SimulatedSysfs(ports=1) as sysfs, node_exporter(sysfs.path) as peer:
        folder = sysfs.path / "class/infiniband/mlx5_0/ports/1/counters_ext"
        put(folder, dict.fromkeys(LEGACY, "1"))
        names = {name for _, name, _ in infiniband(peer.scrape())}

    assert {metric.name for metric in NODE_EXPORTER} - names == {
        "node_infiniband_port_discards_received_total"  # no kernel has it
    }


def test_what_counts_a_whole_device_is_left_out() -> None:
    whole = Sample(RDMA_HW_STATISTIC, ("efa_0", "", "submitted_cmds"), 9)

    assert list(emit([whole])) == []


def test_a_counter_that_ours_counts_on_over_its_wraps_is_raw() -> None:
    metric = by_file()[DRIVER, "out_of_buffer"].metric
    unwrapped = Sample(metric, ("mlx5_0", "1"), 3 * 2**32 + 17)

    assert [sample.value for sample in emit([unwrapped])] == [17]
