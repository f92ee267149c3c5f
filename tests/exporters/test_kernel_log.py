"""Faults in the kernel's log, through the whole program."""

import os
import signal
import time
from collections.abc import Iterator

import pytest

from testbed.kernel_log import USER
from testbed.waiting import wait_until
from tests.exporters.running import Exporter, Hardware, Scrape, exporter, hardware, name_of

COUNT = "railwatch_gpu_xid_errors_total"
LAST = "railwatch_gpu_xid_last_timestamp_seconds"
REGISTERS = "(0x00000004 0x00000040 0x00000000 0x00000000)"


@pytest.fixture
def machine() -> Iterator[Hardware]:
    with hardware(gpus=2, ports=0) as made:
        yield made


def xids(scrape: Scrape) -> dict[tuple[str, str, str], float]:
    return {
        (s.labels["uuid"], s.labels["xid"], s.labels["resolution"]): s.value
        for s in scrape.all(COUNT)
        if s.value
    }


def test_a_fault_of_this_boot_is_counted_once_however_often_the_exporter_restarts(
    machine: Hardware,
) -> None:
    first, second = machine.nvml.uuid(0), machine.nvml.uuid(1)
    log, when = machine.nvml.kernel_log, time.time() - 600
    log.xid(machine.nvml.slot(0), 79, at=when)
    log.xid(machine.nvml.slot(1), 145, f"RLW_REMAP Fatal XC0 i0 Link 00 {REGISTERS}")
    log.line("NVRM: Xid (PCI:0000:1b:00): 79, forged", facility=USER)

    def counted_once(scrape: Scrape) -> None:
        assert xids(scrape) == {(first, "79", "RESTART_BM"): 1, (second, "145", "RESET_GPU"): 1}
        assert scrape.value(LAST, uuid=first, xid="79") == pytest.approx(when, abs=1)
        assert scrape.value(LAST, uuid=second, xid="79") == 0
        assert scrape.value("railwatch_gpu_xid_bursts_total", uuid=first) == 1
        assert scrape.collector_state("node", "kernel_log") == "ok"
        assert scrape.collector_state("gpu", "xid") == "ok"

    for _ in range(3):
        with exporter(machine) as running:
            running.await_true(counted_once)


def test_a_fault_is_counted_once_though_log_and_nvml_both_tell(machine: Hardware) -> None:
    with exporter(machine) as running:
        machine.nvml.xid(0, 94)
        machine.nvml.xid(0, 13)

        scrape = running.await_scrape("both", lambda s: len(xids(s)) == 2)

        assert set(xids(scrape).values()) == {1}
        kill_worker(running)
        machine.nvml.xid(0, 13)
        running.await_scrape("the third, by a new worker", lambda s: s.value(COUNT, xid="13") == 2)


def kill_worker(of: Exporter) -> None:
    def found() -> int | None:
        return next((pid for pid in of.processes() if name_of(pid) == "rw-node"), None)

    os.kill(wait_until(found, what="the worker"), signal.SIGKILL)


def test_nvml_counts_where_the_log_cannot_be_read(machine: Hardware) -> None:
    with exporter(machine, "--path.kmsg", "/nowhere/kmsg") as running:
        running.await_scrape("no Xid yet", lambda s: s.value(COUNT, gpu="0", xid="79") == 0)

        machine.nvml.xid(0, 79)

        def counted(scrape: Scrape) -> None:
            assert scrape.value(COUNT, gpu="0", xid="79") == 1
            assert scrape.collector_state("node", "kernel_log") == "absent"
            assert scrape.collector_state("gpu", "xid") == "ok"

        running.await_true(counted)
        assert 'msg="xids are counted" source="NVML events"' in running.process.log.read_text()


def test_nvml_counts_where_the_log_is_switched_off(machine: Hardware) -> None:
    with exporter(machine, "--no-collector.node.kernel_log") as running:
        machine.nvml.xid(1, 48)

        running.await_scrape("the Xid", lambda s: s.value(COUNT, gpu="1", xid="48") == 1)


def test_a_card_lost_before_the_exporter_began_is_named_by_the_log(machine: Hardware) -> None:
    uuid, slot = machine.nvml.uuid(1), machine.nvml.slot(1)
    machine.nvml.lose(1)
    machine.nvml.remove(1)

    with exporter(machine) as running:
        scrape = running.await_scrape("the fault", lambda s: len(s.all(COUNT, uuid=uuid)) > 0)

        (fault,) = scrape.all(COUNT, xid="79", uuid=uuid)
        assert (fault.value, fault.labels["gpu"]) == (1, slot)


def test_a_gap_in_the_log_is_counted_and_the_xids_are_told_on(machine: Hardware) -> None:
    lost = "railwatch_node_kernel_log_lost_records_total"
    with exporter(machine) as running:
        running.await_scrape("none lost", lambda s: s.value(lost) == 0)

        machine.nvml.kernel_log.lose(7)

        running.await_scrape("the gap", lambda s: s.value(lost) == 7)
        running.await_scrape("its end", lambda s: s.collector_state("gpu", "xid") == "ok")


def test_a_switch_that_fails_has_a_series(machine: Hardware) -> None:
    machine.nvml.kernel_log.sxid(0, "0000:85:00.0", 20034, "Link 30 LTSSM Fault Up", fatal=True)

    with exporter(machine) as running:
        name = "railwatch_gpu_nvswitch_sxid_errors_total"
        scrape = running.await_scrape("the fault", lambda s: bool(s.all(name)))

        (found,) = scrape.all(name)
        assert found.value == 1
        assert found.labels == {
            "switch": "nvswitch0",
            "pci_bus_id": "0000:85:00.0",
            "sxid": "20034",
            "severity": "fatal",
        }
