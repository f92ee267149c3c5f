"""The whole program as a real process on simulated hardware."""

import contextlib
import os
import signal
import subprocess
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from catalog import (
    fabric,
    gpu_allocation,
    rdma_counters,
    rdma_ethernet,
    rdma_link,
    rdma_modules,
    rdma_netlink,
    topology,
    uplink,
    uplink_probes,
    uplink_tc,
)
from exporters.metrics import METRICS
from exporters.registry import FAMILIES
from testbed.nvml import PROFILES, state
from testbed.tools import ensure
from tests.exporters.gpu.fuzzing import everything
from tests.exporters.running import (
    EXPORTER,
    ROOT,
    Exporter,
    Hardware,
    Scrape,
    await_gone,
    exporter,
    hardware,
    parse,
)

GPUS = 3
PORTS = 2


@pytest.fixture
def machine() -> Iterator[Hardware]:
    """A machine whose last GPU has what only older ones have, so that every reading has one."""
    with hardware(GPUS, PORTS) as made:
        made.nvml.set(GPUS - 1, retired_single_bit=0, retired_double_bit=0, retired_pending=0)
        made.nvml.set(GPUS - 1, fans=2, temperature_shutdown=104, temperature_slowdown=101)
        yield made


@pytest.fixture
def running(machine: Hardware) -> Iterator[Exporter]:
    with exporter(machine) as started:
        yield started


ELSEWHERE = {
    metric.name
    for module in (
        fabric,
        gpu_allocation,
        rdma_counters,
        rdma_ethernet,
        rdma_link,
        rdma_modules,
        rdma_netlink,
        topology,
        uplink,
        uplink_probes,
        uplink_tc,
    )
    for metric in module.METRICS
}
"""What it takes many ports, cards and hours to see (tests/exporters/rdma/test_series.py,
test_netlink.py, tests/exporters/topology), a fabric (tests/exporters/fabric), a line
(tests/exporters/uplink/test_program.py), or pods (tests/exporters/allocation/test_program.py)."""


@pytest.fixture
def complete(machine: Hardware) -> Iterator[Exporter]:
    """An exporter that reads every detail; a GPU has all that any has, another is divided."""
    with machine.nvml.card(GPUS - 1) as card:
        everything(card)
    machine.nvml.set(0, mig_mode=1)
    with machine.nvml.card(0) as card:
        state.divide(card, PROFILES["H100-MIG"].migs)
    detail = [f for family in FAMILIES for f in family.facilities if not f.on]
    with exporter(machine, *(f"--collector.{facility.key}" for facility in detail)) as started:
        yield started


def test_every_metric_of_the_catalogue_is_there_and_promtool_finds_no_fault(
    machine: Hardware, complete: Exporter
) -> None:
    machine.nvml.kernel_log.sxid(3, "0000:05:00.0", 12028, "egress PRIV error", fatal=False)
    complete.await_scrape(
        "the SXid", lambda s: bool(s.all("railwatch_gpu_nvswitch_sxid_errors_total"))
    )
    counters = "class/infiniband/mlx5_1/ports/1"
    machine.sysfs.write(f"{counters}/hw_counters/of_tomorrow", "0")
    machine.sysfs.set_counter("mlx5_1", 1, "link_downed", 255)
    machine.sysfs.write(f"{counters}/hw_counters/damaged", "damaged")
    complete.await_scrape("the error", lambda s: bool(s.all("railwatch_rdma_read_errors_total")))
    complete.await_scrape("what is learned", lambda s: bool(s.all("railwatch_gpu_expected")))
    text = complete.get().body.decode()

    found = {series.name for series in parse(text).series}
    assert {metric.name for metric in METRICS} - ELSEWHERE <= found
    promtool = str(ensure("promtool")["promtool"])
    checked = subprocess.run([promtool, "check", "metrics"], input=text.encode(), check=False)
    assert checked.returncode == 0


def test_a_device_costs_no_more_series_than_promised(running: Exporter) -> None:
    scrape = running.scrape()

    for index in range(GPUS):
        mine = [s for s in scrape.series if s.labels.get("gpu") == str(index)]
        assert 0 < len(mine) <= 250
    ports = [s for s in scrape.series if s.labels.get("device") == "mlx5_0"]
    assert 0 < len(ports) <= 120


def test_readings_are_what_the_hardware_says_now(machine: Hardware, running: Exporter) -> None:
    machine.nvml.set(1, temperature=77)
    machine.sysfs.set_counter("mlx5_1", 1, "link_downed", 5)

    scrape = running.await_scrape(
        "the new readings",
        lambda s: s.value("railwatch_gpu_temperature_celsius", gpu="1") == 77,
    )

    assert scrape.value("railwatch_gpu_info", gpu="1", uuid=machine.nvml.uuid(1)) == 1
    running.await_scrape(
        "link_downed",
        lambda s: s.value("railwatch_rdma_port_link_downed_total", device="mlx5_1") == 5,
    )


def test_a_hung_gpu_costs_its_own_series_only_and_comes_back(
    machine: Hardware, running: Exporter
) -> None:
    hung, well = machine.nvml.uuid(1), machine.nvml.uuid(0)

    machine.nvml.hang(1, call="nvmlDeviceGetTemperature")

    scrape = running.await_scrape("state hung", lambda s: s.gpu_state(hung) == "hung")
    assert scrape.value("railwatch_gpu_temperature_celsius", uuid=hung) is None
    assert scrape.value("railwatch_gpu_memory_used_bytes", uuid=hung) is None
    assert scrape.value("railwatch_gpu_info", uuid=hung) == 1
    assert (scrape.value("railwatch_gpu_age_seconds", uuid=hung) or 0) > 0.6
    assert scrape.value("railwatch_gpu_last_success_timestamp_seconds", uuid=hung)
    assert scrape.value("railwatch_gpu_reset_timestamp_seconds", uuid=hung)
    assert scrape.gpu_state(well) == "ok"
    assert (scrape.value("railwatch_gpu_age_seconds", uuid=well) or 9) < 0.6
    assert scrape.collector_state("gpu", "thermal") == "ok"
    assert "no answer from thermal" in running.process.log.read_text()

    machine.nvml.recover(1)

    running.await_scrape(
        "the GPU's return",
        lambda s: (
            s.gpu_state(hung) == "ok"
            and s.value("railwatch_gpu_temperature_celsius", uuid=hung) is not None
        ),
    )


def test_one_worker_a_gpu_at_most_however_often_it_hangs(
    machine: Hardware, running: Exporter
) -> None:
    most = 0

    def hung_twice(scrape: Scrape) -> bool:
        nonlocal most
        most = max(most, [_name(pid) for pid in running.processes()].count("rw-gpu"))
        hung = scrape.value("railwatch_exporter_worker_failures_total", family="gpu", cause="hung")
        return hung is not None and hung >= 2

    machine.nvml.hang(0, call="nvmlDeviceGetTemperature")
    running.await_scrape("two hangs", hung_twice)

    assert most <= GPUS + 2  # those of the list and of the bus in doubt come and go


def test_a_lost_gpu_is_lost_and_its_xid_is_counted_once(
    machine: Hardware, running: Exporter
) -> None:
    lost = machine.nvml.uuid(2)
    before = running.scrape()
    assert before.value("railwatch_gpu_xid_errors_total", uuid=lost, xid="79") == 0
    assert before.value("railwatch_gpu_xid_last_timestamp_seconds", uuid=lost, xid="79") == 0

    machine.nvml.lose(2)

    scrape = running.await_scrape(
        "state lost, and the log",
        lambda s: (
            s.gpu_state(lost) == "lost"
            and s.value("railwatch_gpu_xid_errors_total", uuid=lost, xid="79") == 1
        ),
    )
    (counted,) = scrape.all("railwatch_gpu_xid_errors_total", uuid=lost, xid="79")
    assert (counted.value, counted.labels["resolution"]) == (1, "RESTART_BM")
    seen = scrape.value("railwatch_gpu_xid_last_timestamp_seconds", uuid=lost, xid="79")
    assert seen == pytest.approx(scrape.value("process_start_time_seconds"), abs=60)
    later = running.await_scrape(
        "its readings' end",
        lambda s: s.value("railwatch_gpu_temperature_celsius", uuid=lost) is None,
    )
    assert later.value("railwatch_gpu_xid_errors_total", uuid=lost, xid="79") == 1
    assert later.collector_state("gpu", "state") == "ok"

    machine.nvml.recover(2)

    back = running.await_scrape("its recovery", lambda s: s.gpu_state(lost) == "ok")
    assert back.value("railwatch_gpu_xid_errors_total", uuid=lost, xid="79") == 1


def test_an_xid_is_counted_while_the_gpu_goes_on(machine: Hardware, running: Exporter) -> None:
    uuid = machine.nvml.uuid(0)

    machine.nvml.xid(0, 13)
    machine.nvml.xid(0, 13)
    machine.nvml.xid(0, 94)

    scrape = running.await_scrape(
        "all three",
        lambda s: s.value("railwatch_gpu_xid_errors_total", uuid=uuid, xid="94") == 1,
    )
    assert scrape.value("railwatch_gpu_xid_errors_total", uuid=uuid, xid="13") == 2
    assert scrape.gpu_state(uuid) == "ok"


def test_falling_error_counters_are_a_reset(machine: Hardware, running: Exporter) -> None:
    uuid = machine.nvml.uuid(0)
    booted = running.scrape().value("railwatch_node_boot_time_seconds")
    assert booted is not None
    machine.nvml.set(0, ecc_uncorrected=2)
    faulty = running.await_scrape(
        "the errors",
        lambda s: s.value("railwatch_gpu_ecc_errors_total", uuid=uuid, kind="uncorrected") == 2,
    )
    assert faulty.value("railwatch_gpu_reset_timestamp_seconds", uuid=uuid) == booted

    machine.nvml.reset(0)

    running.await_scrape(
        "the reset",
        lambda s: (s.value("railwatch_gpu_reset_timestamp_seconds", uuid=uuid) or 0) > booted,
    )


def test_a_removed_card_is_missing_and_a_new_one_is_found(machine: Hardware) -> None:
    gone = machine.nvml.uuid(1)
    with exporter(machine, interval="100ms") as running:
        machine.nvml.remove(1)
        scrape = running.await_scrape("state missing", lambda s: s.gpu_state(gone) == "missing")
        assert scrape.value("railwatch_gpu_info", uuid=gone) == 1

        machine.nvml.replace(1)

        new = machine.nvml.uuid(1)
        running.await_scrape("the new card", lambda s: s.gpu_state(new) == "ok")


def test_without_a_driver_the_gpu_family_is_absent_and_the_rest_goes_on(
    machine: Hardware,
) -> None:
    with exporter(machine, "--nvml.library", "/nowhere/libnvidia-ml.so.1") as running:
        scrape = running.scrape()

        assert scrape.collector_state("gpu", "memory") == "absent"
        assert scrape.collector_state("gpu", "state") == "absent"
        assert scrape.value("railwatch_gpu_driver_state", state="absent") == 1
        shown = [s.labels["state"] for s in scrape.all("railwatch_gpu_state") if s.value == 1]
        assert shown == ["unreadable"] * GPUS  # the bus shows them, and nothing is known of them
        assert scrape.value("railwatch_rdma_port_state", device="mlx5_0") == 4
        ready = running.get("/readyz")
        assert ready.status == 200
        assert b"gpu/memory: absent (--nvml.library /nowhere/libnvidia-ml.so.1" in ready.body


def test_without_rdma_devices_that_family_is_absent(machine: Hardware) -> None:
    with exporter(machine, "--path.sysfs", "/nowhere") as running:
        scrape = running.scrape()

        assert scrape.collector_state("rdma", "port") == "absent"
        assert not scrape.all("railwatch_rdma_ports_expected")
        assert scrape.collector_state("gpu", "memory") == "ok"


def test_a_hanging_sysfs_file_costs_its_device_only(machine: Hardware, running: Exporter) -> None:
    counter = machine.sysfs.path / "class/infiniband/mlx5_0/ports/1/counters/port_rcv_data"
    target = counter.resolve()
    target.unlink()
    os.mkfifo(target)

    scrape = running.await_scrape(
        "the hang, and the other device's return",
        lambda s: (
            s.value("railwatch_rdma_device_state", device="mlx5_0", state="hung") == 1
            and s.value("railwatch_rdma_port_state", device="mlx5_1") == 4
        ),
    )

    assert scrape.collector_state("gpu", "memory") == "ok"
    assert scrape.collector_state("rdma", "counters") == "ok"
    assert scrape.value("railwatch_rdma_port_expected", device="mlx5_0") == 1
    assert scrape.value("railwatch_rdma_port_receive_bytes_total", device="mlx5_0") is None
    assert scrape.value("railwatch_rdma_port_receive_bytes_total", device="mlx5_1") == 0
    target.unlink()
    target.write_text("7\n")
    running.await_scrape(
        "its end",
        lambda s: (
            s.value("railwatch_rdma_port_receive_bytes_total", device="mlx5_0") == 28
            and s.value("railwatch_rdma_device_state", device="mlx5_0", state="ok") == 1
        ),
    )


def test_a_port_once_active_stays_expected(machine: Hardware, running: Exporter) -> None:
    machine.sysfs.set_state("mlx5_0", 1, "DOWN")

    scrape = running.await_scrape(
        "the port down", lambda s: s.value("railwatch_rdma_port_state", device="mlx5_0") == 1
    )

    assert scrape.value("railwatch_rdma_port_expected", device="mlx5_0", source="learned") == 1
    machine.sysfs.remove("mlx5_0")
    gone = running.await_scrape(
        "the port gone",
        lambda s: s.value("railwatch_rdma_port_state", device="mlx5_0") is None,
    )
    assert gone.value("railwatch_rdma_port_expected", device="mlx5_0", source="learned") == 1
    assert gone.value("railwatch_rdma_ports_expected", source="learned") == PORTS


def test_forms_are_negotiated(running: Exporter) -> None:
    plain = running.get()
    openmetrics = running.get(Accept="application/openmetrics-text;version=1.0.0")
    zipped = running.get(Accept_Encoding="gzip")
    nonsense = running.get(Accept="text/plain;version=x;q=y")

    assert plain.headers["Content-Type"].startswith("text/plain; version=0.0.4")
    assert openmetrics.headers["Content-Type"].startswith("application/openmetrics-text")
    assert openmetrics.body.endswith(b"# EOF\n")
    assert openmetrics.body.count(b"# EOF") == 1
    assert zipped.headers["Content-Encoding"] == "gzip"
    assert zipped.body.startswith(b"\x1f\x8b")
    assert nonsense.status == 200
    assert b"process_resident_memory_bytes" in plain.body
    assert b"python_info" in plain.body


def test_the_pages_beside_the_metrics(running: Exporter) -> None:
    assert b'href="/metrics"' in running.get("/").body
    assert running.get("/healthz").body == b"alive\n"
    assert b"gpu/memory: ok\n" in running.get("/readyz").body
    assert running.get("/nowhere").status == 404


def test_sigterm_ends_everything_with_exit_code_0(running: Exporter) -> None:
    processes = running.processes()
    names = Counter(map(_name, processes))  # others come and go
    assert names["rw-gpu"] >= GPUS
    assert names.keys() >= {"rw-zygote", "rw-rdma", "rw-rdma_ethtool", "rw-node"}

    running.process.signal(signal.SIGTERM)

    assert running.process.wait(10) == 0
    await_gone(processes)


def test_sigterm_ends_it_while_a_gpu_hangs(machine: Hardware, running: Exporter) -> None:
    machine.nvml.hang(0)
    processes = running.processes()

    running.process.signal(signal.SIGTERM)

    assert running.process.wait(10) == 0
    await_gone(processes)


def test_nothing_survives_the_program_being_killed(running: Exporter) -> None:
    processes = running.processes()

    os.kill(running.process.pid, signal.SIGKILL)

    await_gone(processes)


def test_it_ends_with_one_line_when_its_zygote_is_killed(running: Exporter) -> None:
    zygote = next(pid for pid in running.processes() if _name(pid) == "rw-zygote")

    os.kill(zygote, signal.SIGKILL)

    assert running.process.wait(10) == 1
    assert "error: the process that holds the workers is gone" in running.process.tail(1)


def test_a_worker_that_dies_is_replaced(machine: Hardware, running: Exporter) -> None:
    worker = next(pid for pid in running.processes() if _name(pid) == "rw-rdma")

    os.kill(worker, signal.SIGKILL)

    running.await_scrape(
        "the death",
        lambda s: (
            s.value("railwatch_exporter_worker_failures_total", family="rdma", cause="died") == 1
        ),
    )
    running.await_scrape("its successor", lambda s: s.collector_state("rdma", "port") == "ok")


def _name(pid: int) -> str:
    with contextlib.suppress(OSError):  # it may end meanwhile
        return Path(f"/proc/{pid}/comm").read_text().strip()
    return ""


def run(*flags: str, on: Hardware | None = None) -> "subprocess.CompletedProcess[str]":
    env = {**os.environ, **(on.nvml.environment if on else {})}
    return subprocess.run(
        [*EXPORTER, *flags],
        capture_output=True,
        text=True,
        timeout=30,
        env=env,
        cwd=ROOT,
        check=False,
    )


def test_once_prints_one_exposition_and_exits(machine: Hardware) -> None:
    done = run(*machine.flags(), "--once", on=machine)

    assert done.returncode == 0
    scrape = parse(done.stdout)
    assert len(scrape.all("railwatch_gpu_temperature_celsius")) == GPUS
    assert len(scrape.all("railwatch_rdma_port_state")) == PORTS


def test_what_is_switched_off_is_not_there(machine: Hardware) -> None:
    done = run(
        *machine.flags(), "--once", "--no-collector.gpu.power", "--no-collector.rdma", on=machine
    )

    scrape = parse(done.stdout)
    assert not scrape.all("railwatch_gpu_power_watts")
    assert not [s for s in scrape.series if s.labels.get("family") == "rdma"]
    assert not [s for s in scrape.series if s.labels.get("facility") == "power"]
    assert scrape.all("railwatch_gpu_temperature_celsius")


@pytest.mark.parametrize(
    ("flags", "says", "code"),
    [
        (["--no-such-flag"], "--no-such-flag", 2),
        (["--interval", "1ms"], "--interval", 2),
        (["--interval", "soon"], "soon", 2),
        (["--web.telemetry-path", "metrics"], "--web.telemetry-path", 2),
        (["--web.telemetry-path", "/healthz"], "--web.telemetry-path", 2),
        (["--web.config.file", "/nowhere.yml"], "/nowhere.yml", 1),
        (["--web.listen-address", "nonsense"], "nonsense", 2),
    ],
)
def test_a_wrong_command_line_is_one_line(flags: list[str], says: str, code: int) -> None:
    done = run(*flags)

    assert done.returncode == code
    assert done.stdout == ""
    (line,) = done.stderr.splitlines()
    assert line.startswith("railwatch-exporter: error: ")
    assert says in line


def test_a_taken_port_is_one_line(running: Exporter) -> None:
    done = run("--web.listen-address", running.url.removeprefix("http://"), "--log.level", "error")

    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert "cannot listen on 127.0.0.1:" in line


def test_a_gpu_that_hangs_from_the_start_hides_no_other(machine: Hardware) -> None:
    machine.nvml.hang(1, call="nvmlDeviceGetMemoryInfo_v2")

    with exporter(machine) as running:
        scrape = running.scrape()

        assert scrape.gpu_state(machine.nvml.uuid(0)) == "ok"
        assert scrape.gpu_state(machine.nvml.uuid(1)) == "hung"
