"""What only shows over many hangs: processes or memory that add up."""

from pathlib import Path

import pytest

from tests.exporters.running import Exporter, exporter, hardware

CYCLES = 40
ALLOWED_GROWTH = 4 << 20
"""Bytes: allocators and caches settle; a leak of a worker's state over 40 cycles is far more."""


def memory(running: Exporter) -> int:
    """Return the proportional set size of the program and all its workers, in bytes."""
    total = 0
    for pid in running.processes():
        rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
        total += next(int(line.split()[1]) for line in rollup.splitlines() if "Pss:" in line)
    return total * 1024


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_hangs_add_up_neither_processes_nor_memory() -> None:
    with hardware(gpus=3) as machine, exporter(machine, interval="500ms") as running:
        uuid = machine.nvml.uuid(1)

        def cycle() -> None:
            machine.nvml.hang(1, call="nvmlDeviceGetTemperature")
            running.await_scrape("state hung", 30, lambda s: s.gpu_state(uuid) == "hung")
            machine.nvml.recover(1)
            running.await_scrape("the GPU's return", 60, lambda s: s.gpu_state(uuid) == "ok")

        cycle()
        processes, before = len(running.processes()), memory(running)
        for _ in range(CYCLES):
            cycle()

        assert len(running.processes()) == processes
        assert memory(running) - before < ALLOWED_GROWTH
