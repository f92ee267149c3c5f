import time
from pathlib import Path

import pytest

from exporters.node.kmsg import Kmsg, Record
from testbed.kernel_log import USER, SimulatedKernelLog
from testbed.nvml import SimulatedNvml

SLOT = "0000:1b:00.0"


@pytest.fixture
def log(tmp_path: Path) -> SimulatedKernelLog:
    made = SimulatedKernelLog(tmp_path / "kmsg")
    made.reboot()
    return made


def records(log: SimulatedKernelLog) -> list[Record]:
    return list(Kmsg(str(log.path)).records(1000))


def messages(log: SimulatedKernelLog) -> list[str]:
    return [record.message for record in records(log)]


def test_a_boot_begins_with_a_line_of_its_own(log: SimulatedKernelLog) -> None:
    (first,) = records(log)

    assert first.sequence == 0
    assert first.message.startswith("Linux version ")


def test_lines_are_numbered_and_timed(log: SimulatedKernelLog) -> None:
    before, earlier = time.monotonic(), time.time() - 5
    log.line("one", at=earlier)
    between = time.monotonic()
    SimulatedKernelLog(log.path).line("two", facility=USER)
    after = time.monotonic()

    _, one, two = records(log)

    assert (one.sequence, one.message, one.facility) == (1, "one", 0)
    assert (two.sequence, two.message, two.facility) == (2, "two", USER)
    assert before - 5.5 <= one.uptime <= between - 4.5
    assert between - 1e-3 <= two.uptime <= after


def test_a_line_stays_one_line(log: SimulatedKernelLog) -> None:
    log.line("one\nNVRM: two")

    assert messages(log)[1:] == ["one\\x0aNVRM: two"]


def test_a_time_before_the_machine_ran_is_refused(log: SimulatedKernelLog) -> None:
    with pytest.raises(ValueError, match="boot"):
        log.line("too early", at=0)


def test_lost_records_leave_a_gap(log: SimulatedKernelLog) -> None:
    log.lose(3)
    log.line("next")

    assert [record.sequence for record in records(log)] == [0, 4, 5]


def test_another_boot_leaves_nothing_of_the_last(log: SimulatedKernelLog) -> None:
    log.line("before")

    log.reboot()

    assert len(records(log)) == 1


def test_an_nvswitch_logs_its_error_and_then_its_data(log: SimulatedKernelLog) -> None:
    log.sxid(2, "0000:85:00.0", 20034, "Link 30 LTSSM Fault Up", fatal=True)

    error, *data = messages(log)[1:]

    assert error == (
        "nvidia-nvswitch2: SXid (PCI:0000:85:00.0): 20034, Fatal, Link 30 LTSSM Fault Up"
    )
    assert len(data) == 2


def test_the_driver_logs_each_xid_and_names_the_gpu_once() -> None:
    with SimulatedNvml(gpus=2) as nvml:
        nvml.xid(0, 31)
        SimulatedNvml.attach(nvml.control).lose(0)

        unknown = "pid='<unknown>', name=<unknown>"
        assert nvml.slot(0) == SLOT
        assert messages(nvml.kernel_log)[1:] == [
            f"NVRM: GPU at PCI:0000:1b:00: {nvml.uuid(0)}",
            f"NVRM: Xid (PCI:0000:1b:00): 31, {unknown}, GPU memory page fault",
            f"NVRM: Xid (PCI:0000:1b:00): 79, {unknown}, GPU has fallen off the bus",
        ]


def test_a_reboot_begins_the_log_anew() -> None:
    with SimulatedNvml(gpus=1) as nvml:
        nvml.xid(0, 79)

        nvml.reboot()

        assert len(records(nvml.kernel_log)) == 1
