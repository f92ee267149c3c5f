"""The whole program as a real process on simulated hardware."""

import os
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Iterator

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
from testbed.waiting import PATIENCE, wait_until
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
    name_of,
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

    def all_there(scrape: Scrape) -> None:
        names = {series.name for series in scrape.series}
        assert {metric.name for metric in METRICS} - ELSEWHERE - names == set()

    text = complete.await_true(all_there).text
    promtool = str(ensure("promtool")["promtool"])
    checked = subprocess.run([promtool, "check", "metrics"], input=text.encode(), check=False)
    assert checked.returncode == 0


def test_a_device_costs_no_more_series_than_promised(running: Exporter) -> None:
    gpus = {str(index) for index in range(GPUS)}

    def read(scrape: Scrape) -> bool:
        found = scrape.all("railwatch_gpu_temperature_celsius")
        ports = scrape.all("railwatch_rdma_port_receive_bytes_total", device="mlx5_0")
        return {one.labels["gpu"] for one in found} == gpus and bool(ports)

    scrape = running.await_scrape("readings of all", read)

    for index in gpus:
        mine = [s for s in scrape.series if s.labels.get("gpu") == index]
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

    def hangs_alone(scrape: Scrape) -> None:
        assert scrape.gpu_state(hung) == "hung"
        assert scrape.value("railwatch_gpu_temperature_celsius", uuid=hung) is None
        assert scrape.value("railwatch_gpu_memory_used_bytes", uuid=hung) is None
        assert scrape.value("railwatch_gpu_info", uuid=hung) == 1
        assert scrape.value("railwatch_gpu_last_success_timestamp_seconds", uuid=hung)
        assert scrape.value("railwatch_gpu_reset_timestamp_seconds", uuid=hung)
        assert scrape.gpu_state(well) == "ok"
        ages = [scrape.value("railwatch_gpu_age_seconds", uuid=one) for one in (well, hung)]
        assert (ages[0] or 9) < 2 < (ages[1] or 0)
        assert scrape.value("railwatch_gpu_temperature_celsius", uuid=well) is not None
        assert scrape.collector_state("gpu", "thermal") == "ok"

    running.await_true(hangs_alone)
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
        most = max(most, [name_of(pid) for pid in running.processes()].count("rw-gpu"))
        hung = scrape.value("railwatch_exporter_worker_failures_total", family="gpu", cause="hung")
        return hung is not None and hung >= 2

    machine.nvml.hang(0, call="nvmlDeviceGetTemperature")
    running.await_scrape("two hangs", hung_twice)

    assert most <= GPUS + 2  # those of the list and of the bus in doubt come and go


def test_a_lost_gpu_is_lost_and_its_xid_is_counted_once(
    machine: Hardware, running: Exporter
) -> None:
    lost = machine.nvml.uuid(2)

    def there(scrape: Scrape) -> None:
        assert scrape.value("railwatch_gpu_xid_errors_total", uuid=lost, xid="79") == 0
        assert scrape.value("railwatch_gpu_xid_last_timestamp_seconds", uuid=lost, xid="79") == 0

    running.await_true(there)
    before = time.time()

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
    assert before - 1 <= (seen or 0) <= time.time() + 1
    later = running.await_scrape(
        "its readings' end, and the others' going on",
        lambda s: (
            s.value("railwatch_gpu_temperature_celsius", uuid=lost) is None
            and s.collector_state("gpu", "state") == "ok"
        ),
    )
    assert later.value("railwatch_gpu_xid_errors_total", uuid=lost, xid="79") == 1

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
        lambda s: (
            s.value("railwatch_gpu_xid_errors_total", uuid=uuid, xid="94") == 1
            and s.gpu_state(uuid) == "ok"
        ),
    )
    assert scrape.value("railwatch_gpu_xid_errors_total", uuid=uuid, xid="13") == 2


def test_falling_error_counters_are_a_reset(machine: Hardware, running: Exporter) -> None:
    uuid = machine.nvml.uuid(0)
    name = "railwatch_node_boot_time_seconds"
    booted = running.await_scrape("the boot's time", lambda s: bool(s.value(name))).value(name)
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

        def absent(scrape: Scrape) -> None:
            assert scrape.collector_state("gpu", "memory") == "absent"
            assert scrape.collector_state("gpu", "state") == "absent"
            assert scrape.value("railwatch_gpu_driver_state", state="absent") == 1
            shown = [s.labels["state"] for s in scrape.all("railwatch_gpu_state") if s.value == 1]
            assert shown == ["unreadable"] * GPUS  # the bus shows them, nothing is known of them
            assert scrape.value("railwatch_rdma_port_state", device="mlx5_0") == 4

        running.await_true(absent)
        running.await_readiness(
            "gpu/memory: absent (--nvml.library /nowhere/libnvidia-ml.so.1",
        )


def test_without_rdma_devices_that_family_is_absent(machine: Hardware) -> None:
    with exporter(machine, "--path.sysfs", "/nowhere") as running:

        def absent(scrape: Scrape) -> None:
            assert scrape.collector_state("rdma", "port") == "absent"
            assert not scrape.all("railwatch_rdma_ports_expected")
            assert scrape.collector_state("gpu", "memory") == "ok"

        running.await_true(absent)


def test_a_hanging_sysfs_file_costs_its_device_only(machine: Hardware, running: Exporter) -> None:
    counter = machine.sysfs.path / "class/infiniband/mlx5_0/ports/1/counters/port_rcv_data"
    target = counter.resolve()
    target.unlink()
    os.mkfifo(target)

    def hangs_alone(scrape: Scrape) -> None:
        assert scrape.value("railwatch_rdma_device_state", device="mlx5_0", state="hung") == 1
        assert scrape.value("railwatch_rdma_port_state", device="mlx5_1") == 4
        assert scrape.collector_state("gpu", "memory") == "ok"
        assert scrape.collector_state("rdma", "counters") == "ok"
        assert scrape.value("railwatch_rdma_port_expected", device="mlx5_0") == 1
        assert scrape.value("railwatch_rdma_port_receive_bytes_total", device="mlx5_0") is None
        assert scrape.value("railwatch_rdma_port_receive_bytes_total", device="mlx5_1") == 0

    running.await_true(hangs_alone)
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
    running.await_readiness("gpu/memory: ok\n")
    assert running.get("/nowhere").status == 404


def test_sigterm_ends_everything_with_exit_code_0(running: Exporter) -> None:
    lasting = {"rw-zygote", "rw-rdma", "rw-rdma_ethtool", "rw-node"}  # others come and go

    def complete() -> list[int] | None:
        names = Counter(map(name_of, found := running.processes()))
        return found if names["rw-gpu"] >= GPUS and names.keys() >= lasting else None

    processes = wait_until(complete, what="all workers")

    running.process.signal(signal.SIGTERM)

    assert running.process.wait(PATIENCE) == 0
    await_gone(processes)


def test_sigterm_ends_it_while_a_gpu_hangs(machine: Hardware, running: Exporter) -> None:
    machine.nvml.hang(0)
    processes = running.processes()

    running.process.signal(signal.SIGTERM)

    assert running.process.wait(PATIENCE) == 0
    await_gone(processes)


def test_nothing_survives_the_program_being_killed(running: Exporter) -> None:
    processes = running.processes()

    os.kill(running.process.pid, signal.SIGKILL)

    await_gone(processes)


def test_it_ends_with_one_line_when_its_zygote_is_killed(running: Exporter) -> None:
    _, zygote, *_ = running.processes()
    assert name_of(zygote) == "rw-zygote"

    os.kill(zygote, signal.SIGKILL)

    assert running.process.wait(PATIENCE) == 1
    assert "error: the process that holds the workers is gone" in running.process.tail(1)


def test_a_worker_that_dies_is_replaced(machine: Hardware, running: Exporter) -> None:
    def found() -> int | None:
        return next((pid for pid in running.processes() if name_of(pid) == "rw-rdma"), None)

    worker = wait_until(found, what="the worker")

    os.kill(worker, signal.SIGKILL)

    running.await_scrape(
        "the death",
        lambda s: (
            s.value("railwatch_exporter_worker_failures_total", family="rdma", cause="died") == 1
        ),
    )
    running.await_scrape("its successor", lambda s: s.collector_state("rdma", "port") == "ok")


def run(*flags: str, on: Hardware | None = None) -> "subprocess.CompletedProcess[str]":
    env = {**os.environ, **(on.nvml.environment if on else {})}
    return subprocess.run(
        [*EXPORTER, *flags],
        capture_output=True,
        text=True,
        timeout=120,
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
        running.await_scrape(
            "one that hangs, and another",
            lambda s: [s.gpu_state(machine.nvml.uuid(gpu)) for gpu in (0, 1)] == ["ok", "hung"],
        )
