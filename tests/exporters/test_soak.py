"""What only shows over many hangs: processes or memory that add up."""

import os
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from testbed.waiting import wait_until
from tests.exporters.running import Exporter, Scrape, exporter, hardware
from tests.packages import needs

GPUS = 16
HANGING = range(1, GPUS)
"""All but one: where none answers, it is the driver that hangs."""

HANGS = int(os.environ.get("SOAK_HANGS", "1000"))
ALLOWED_GROWTH = 4 << 20
"""Bytes: a leak of a worker's state over 1,000 hangs is far more."""

SETTLING = 25
"""Rounds before memory is measured: until then allocators find their size."""

CALL = "nvmlDeviceGetTemperature"


def memory(running: Exporter) -> int:
    """Return the proportional set size of the program and all its workers, in bytes."""
    total = 0
    for pid in running.processes():
        with suppress(FileNotFoundError, ProcessLookupError):  # one of a worker's few moments
            rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
            total += next(int(line.split()[1]) for line in rollup.splitlines() if "Pss:" in line)
    return total * 1024


def lasting(running: Exporter, measure: Callable[[Exporter], int]) -> int:
    """Return the least of a few looks: some workers come for a moment, and are no growth."""
    looks = []
    for _ in range(8):
        looks.append(measure(running))
        time.sleep(0.25)
    return min(looks)


def count(running: Exporter) -> int:
    """Return how many processes there are."""
    return len(running.processes())


def hangs(scrape: Scrape) -> float:
    return scrape.value("railwatch_exporter_worker_failures_total", family="gpu", cause="hung") or 0


def states(scrape: Scrape) -> list[str]:
    return [s.labels["state"] for s in scrape.all("railwatch_gpu_state") if s.value == 1]


@needs("fuse3")
@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_hangs_add_up_neither_processes_nor_memory(capsys: pytest.CaptureFixture[str]) -> None:
    with hardware(gpus=GPUS) as machine, exporter(machine, interval="500ms") as running:

        def cycle() -> None:
            """Let every second GPU stick in the kernel and the others hang where they can die."""
            before = hangs(running.scrape())
            for gpu in HANGING:
                (machine.nvml.stick if gpu % 2 else machine.nvml.hang)(gpu, call=CALL)
            running.await_scrape("all hung", lambda s: hangs(s) >= before + len(HANGING))
            for gpu in HANGING:
                machine.nvml.recover(gpu)
            running.await_scrape("all back", lambda s: states(s) == ["ok"] * GPUS)

        for _ in range(SETTLING):
            cycle()
        first = hangs(running.scrape())
        processes, before = lasting(running, count), lasting(running, memory)
        while hangs(running.scrape()) < first + HANGS:
            cycle()

        done, grown = hangs(running.scrape()) - first, lasting(running, memory) - before
        with capsys.disabled():
            print(f"\n{done:.0f} hangs: {before >> 10} KiB grew by {grown / 1024:.0f} KiB")
        wait_until(lambda: count(running) <= processes, what="no process more than before")
        assert grown < ALLOWED_GROWTH
