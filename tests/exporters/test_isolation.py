"""What one GPU, or the driver, does to the rest: the program on hardware that misbehaves."""

import json
import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from testbed.waiting import PATIENCE, wait_until
from tests.exporters.running import (
    Exporter,
    Hardware,
    Scrape,
    await_gone,
    exporter,
    hardware,
    is_stuck,
    name_of,
)
from tests.packages import needs

GPUS = 8
INTERVAL = 1.0
THERMAL = "nvmlDeviceGetTemperature"
NO_PERMISSION, MISMATCH = 4, 18
"""NVML_ERROR_NO_PERMISSION, NVML_ERROR_LIB_RM_VERSION_MISMATCH."""


@contextmanager
def node(
    *flags: str, gpus: int = GPUS, interval: str = "1s"
) -> Iterator[tuple[Hardware, Exporter]]:
    with (
        hardware(gpus, ports=1) as machine,
        exporter(machine, *flags, interval=interval) as running,
    ):
        yield machine, running


def driver_state(scrape: Scrape) -> str | None:
    states = [s.labels["state"] for s in scrape.all("railwatch_gpu_driver_state") if s.value == 1]
    return states[0] if states else None


def states(scrape: Scrape) -> set[str]:
    return {s.labels["state"] for s in scrape.all("railwatch_gpu_state") if s.value == 1}


def stuck(running: Exporter) -> list[int]:
    """Return the program's processes that cannot be killed."""
    return list(filter(is_stuck, running.processes()))


def gpu_workers(running: Exporter) -> list[int]:
    return [pid for pid in running.processes() if name_of(pid) == "rw-gpu"]


@needs("fuse3")
def test_a_gpu_stuck_in_the_kernel_costs_no_other_a_reading_and_comes_back() -> None:
    with node() as (machine, running):
        uuid = machine.nvml.uuid(3)
        machine.nvml.stick(3, call=THERMAL)
        running.await_scrape("state hung", lambda s: s.gpu_state(uuid) == "hung")
        wait_until(lambda: stuck(running), what="a worker that cannot be killed")

        def others_are_read(scrape: Scrape) -> None:
            ages = {s.labels["uuid"]: s.value for s in scrape.all("railwatch_gpu_age_seconds")}
            assert len(ages) == GPUS
            assert max(age for of, age in ages.items() if of != uuid) <= 2 * INTERVAL
            assert states(scrape) == {"ok", "hung"}
            last = scrape.all("railwatch_gpu_last_success_timestamp_seconds")
            assert all(one.value > now for one in last if one.labels["uuid"] != uuid)
            assert len(stuck(running)) <= 1
            assert len(gpu_workers(running)) <= GPUS + 2  # the list, and the bus in doubt

        for _ in range(3):
            now = time.time()
            running.await_true(others_are_read)

        def its_readings_are_gone(scrape: Scrape) -> None:
            read = scrape.all("railwatch_gpu_temperature_celsius")
            assert uuid not in {one.labels["uuid"] for one in read}
            assert len(read) == GPUS - 1
            assert scrape.value("railwatch_gpu_info", uuid=uuid) == 1

        running.await_true(its_readings_are_gone)

        machine.nvml.recover(3)

        running.await_scrape("its return", lambda s: s.gpu_state(uuid) == "ok")
        wait_until(lambda: not stuck(running), what="the end of the worker")
        everyone = running.processes()
    await_gone(everyone)


def test_a_hang_in_the_program_ends_with_the_gpus_return() -> None:
    with node(gpus=2) as (machine, running):
        uuid = machine.nvml.uuid(1)
        machine.nvml.hang(1, call=THERMAL)
        hangs = "railwatch_exporter_worker_failures_total"
        running.await_scrape(  # its successor waits in the same call, which takes no time itself
            "two hangs", lambda s: (s.value(hangs, family="gpu", cause="hung") or 0) >= 2
        )
        hung = running.await_scrape("state hung", lambda s: s.gpu_state(uuid) == "hung")
        told = "railwatch_gpu_last_success_timestamp_seconds"

        machine.nvml.recover(1)

        back = running.await_scrape("its return", lambda s: s.gpu_state(uuid) == "ok")
        assert (back.value(told, uuid=uuid) or 0) > (hung.value(told, uuid=uuid) or 0)


def test_a_driver_file_that_never_answers_costs_the_topology_and_nothing_else() -> None:
    """Whoever reads /proc/driver/nvidia waits with a GPU that hangs: never the program."""
    with hardware(2, ports=1) as machine:
        folder = machine.sysfs.proc / "driver/nvidia/gpus" / machine.nvml.slot(0)
        folder.mkdir(parents=True)
        os.mkfifo(folder / "information")
        with exporter(machine, interval="200ms") as running:
            running.await_scrape(
                "the hang", lambda s: s.collector_state("topology", "places") == "hung"
            )
            hung = time.time()

            def answered(scrape: Scrape) -> bool:
                last = scrape.all("railwatch_gpu_last_success_timestamp_seconds")
                read = len(last) == 2 and all(one.value > hung for one in last)
                port = scrape.value("railwatch_rdma_port_state", device="mlx5_0")
                return read and states(scrape) == {"ok"} and port == 4

            running.await_scrape("later readings of both GPUs and of the port", answered)


def test_a_driver_that_hangs_is_no_gpus_fault() -> None:
    seen: set[str] = set()

    def hung(scrape: Scrape) -> bool:
        seen.update(states(scrape))
        return driver_state(scrape) == "hung" and states(scrape) == {"unreadable"}

    with node(gpus=4, interval="200ms") as (machine, running):
        assert driver_state(running.scrape()) == "ok"

        machine.nvml.hang()

        running.await_scrape("the driver hung", hung)
        # For a moment one may hang alone: while another's last answer, just before, is still fresh.
        assert seen <= {"ok", "unreadable", "hung"}
        machine.nvml.recover()
        running.await_scrape(
            "its return", lambda s: driver_state(s) == "ok" and states(s) == {"ok"}
        )
        said = running.process.log.read_text()
        assert 'msg="driver in trouble" state=hung was=ok' in said


def test_a_driver_that_fails_for_all_alike_is_no_gpus_fault() -> None:
    with node(gpus=3, interval="200ms") as (machine, running):
        machine.nvml.fail(call="nvmlInit*", error=999)
        for gpu in range(3):
            machine.nvml.fail(gpu, error=15)  # lost, says the driver: that is evidence
        running.await_scrape("all lost", lambda s: states(s) == {"lost"})
        for gpu in range(3):
            machine.nvml.recover(gpu)

        scrape = running.await_scrape("failing", lambda s: driver_state(s) == "failing")

        assert "hung" not in states(scrape)


def test_a_stale_library_is_said_plainly_and_leaves_rdma_alone() -> None:
    with node(gpus=2, interval="200ms") as (machine, running):
        machine.nvml.fail(call="nvmlInit*", error=MISMATCH)

        def others_go_on(scrape: Scrape) -> None:
            assert driver_state(scrape) == "version_mismatch"
            assert states(scrape) == {"ok"}  # who has the old library open goes on
            assert scrape.value("railwatch_rdma_port_state", device="mlx5_0") == 4

        running.await_true(others_go_on)
        said = running.process.log.read_text()
        assert said.count("does not fit the driver") == 1
        assert "restart the container" in said


def test_it_ends_for_a_stale_library_once_a_boot(tmp_path: Path) -> None:
    flags = ("--exit-on-driver-mismatch", "--path.state", str(tmp_path))
    with hardware(2, ports=1) as machine:
        with exporter(machine, *flags, interval="200ms") as running:
            machine.nvml.fail(call="nvmlInit*", error=MISMATCH)
            assert running.process.wait(PATIENCE) == 1
            assert "driver/library version mismatch: ending" in running.process.tail(1)

        with exporter(machine, *flags, interval="200ms") as running:
            running.await_scrape(
                "going on without",
                lambda s: (
                    driver_state(s) == "version_mismatch"
                    and s.value("railwatch_rdma_port_state", device="mlx5_0") == 4
                ),
            )
            assert "a restart did not help" in running.process.log.read_text()


def test_while_held_no_handle_is_open_and_it_returns_by_itself(tmp_path: Path) -> None:
    file = tmp_path / "hold"
    with node("--hold-file", str(file), gpus=3, interval="200ms") as (_, running):
        wait_until(lambda: len(gpu_workers(running)) >= 3, what="a worker for each")
        workers = gpu_workers(running)

        file.touch()

        running.await_scrape("the hold", lambda s: driver_state(s) == "held")
        await_gone(workers)
        wait_until(lambda: not gpu_workers(running))

        def held(scrape: Scrape) -> None:
            assert states(scrape) == {"unreadable"}
            assert scrape.collector_state("gpu", "memory") in ("ok", "absent")
            assert scrape.value("railwatch_rdma_port_state", device="mlx5_0") == 4

        running.await_true(held)

        file.unlink()

        running.await_scrape("its end", lambda s: driver_state(s) == "ok" and states(s) == {"ok"})
        name = "railwatch_exporter_worker_failures_total"
        assert running.scrape().value(name, family="gpu", cause="died") == 0


def test_what_the_bus_shows_tells_missing_from_lost_from_not_ours() -> None:
    with node(gpus=5, interval="200ms") as (machine, running):
        gone, dead, given, hidden, well = (machine.nvml.uuid(gpu) for gpu in range(5))

        machine.sysfs.gpus.unplug(machine.nvml.slot(0))
        machine.nvml.hang(0)
        machine.sysfs.gpus.silence(machine.nvml.slot(1))
        machine.nvml.hang(1)
        machine.sysfs.gpus.bind(machine.nvml.slot(2), "vfio-pci")
        machine.nvml.fail(3, error=NO_PERMISSION)
        for worker in gpu_workers(running):  # whoever had it open before
            with suppress(ProcessLookupError):  # it may just have ended
                os.kill(worker, signal.SIGKILL)

        def judged(scrape: Scrape) -> None:
            found = [scrape.gpu_state(uuid) for uuid in (gone, dead, given, hidden, well)]
            assert found == ["missing", "lost", "not_managed", "not_managed", "ok"]
            assert driver_state(scrape) == "ok"

        running.await_true(judged)

        for gpu in (0, 1, 3):
            machine.nvml.recover(gpu)
        machine.sysfs.gpus.plug(machine.nvml.slot(0))
        machine.sysfs.gpus.silence(machine.nvml.slot(1), silent=False)
        machine.sysfs.gpus.bind(machine.nvml.slot(2), "nvidia")

        def back(scrape: Scrape) -> None:
            reset = "railwatch_gpu_reset_timestamp_seconds"
            booted = scrape.value("railwatch_node_boot_time_seconds")
            assert states(scrape) == {"ok"}
            assert booted is not None
            assert (scrape.value(reset, uuid=gone) or 0) > booted  # its function was added anew
            assert scrape.value(reset, uuid=well) == booted

        running.await_true(back)


def learned(state: Path) -> int:
    """Return how many GPUs are kept as those that the node should have."""
    with suppress(FileNotFoundError):
        kept = json.loads((state / "exporter.json").read_text())["sections"].get("gpu")
        return sum(one["learned"] for one in kept["gpus"]) if kept else 0
    return 0


def test_a_gpu_that_is_gone_keeps_its_name_over_a_restart_and_stays_expected(
    tmp_path: Path,
) -> None:
    flags = ("--path.state", str(tmp_path / "state"))
    with hardware(3, ports=1) as machine:
        gone, stuck_gpu = machine.nvml.uuid(0), machine.nvml.uuid(1)
        with exporter(machine, *flags, interval="100ms") as running:
            running.await_scrape(
                "what was learned",
                lambda s: s.value("railwatch_gpu_expected", source="learned") == 3,
            )
            wait_until(lambda: learned(tmp_path / "state") == 3, what="what was learned, on disk")
        machine.nvml.remove(0)
        machine.sysfs.gpus.unplug(machine.nvml.slot(0))
        machine.nvml.hang(1, call=THERMAL)

        def both_by_name(scrape: Scrape) -> None:
            assert [scrape.gpu_state(one) for one in (gone, stuck_gpu)] == ["missing", "hung"]
            (info,) = scrape.all("railwatch_gpu_info", uuid=gone)
            assert info.labels["pci_bus_id"] == machine.nvml.slot(0)
            assert info.labels["serial"]
            assert (scrape.value("railwatch_gpu_age_seconds", uuid=stuck_gpu) or 0) > 0
            assert scrape.value("railwatch_gpu_expected", source="learned") == 3

        with exporter(machine, *flags, interval="100ms") as running:
            running.await_true(both_by_name)


def test_what_is_declared_is_expected_by_slot_before_anything_was_seen(tmp_path: Path) -> None:
    with hardware(2, ports=1) as machine:
        absent = "0000:ff:00.0"
        slots = [machine.nvml.slot(0), machine.nvml.slot(1), absent]
        inventory = tmp_path / "inventory.yaml"
        inventory.write_text(f"nodes:\n  - product: 'HGX*'\n    gpus: {slots!r}\n")
        with exporter(machine, "--inventory.file", str(inventory), interval="200ms") as running:
            scrape = running.await_scrape(
                "the one that never was there",
                lambda s: s.value("railwatch_gpu_state", gpu=absent, state="missing") == 1,
            )

        assert scrape.value("railwatch_gpu_expected", source="file") == 3
        assert scrape.value("railwatch_gpu_info", gpu=absent, pci_bus_id=absent) == 1
