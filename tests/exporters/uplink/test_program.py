"""All of it: every metric of the catalogue, and the exporter as a real process."""

import socket
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import pytest

from catalog import uplink, uplink_probes, uplink_tc
from exporters import exposition
from exporters.post import Pace
from exporters.registry import FAMILIES, UPLINK
from exporters.settings import Settings
from exporters.uplink import configured, disks, interfaces, limiters, pods, probes
from exporters.uplink.disks import Disks
from exporters.uplink.errands import FACILITIES
from exporters.uplink.family import UplinkFamily
from exporters.uplink.pod_names import PodNames
from exporters.uplink.pods import Pods
from exporters.uplink.prober import Prober
from testbed.namespaces import Namespace
from testbed.processes import Process
from testbed.relay import FAR_ADDRESS, Line, line
from testbed.tools import ensure
from testbed.waiting import wait_until
from tests.exporters.running import EXPORTER, ROOT, Answer, Exporter, Scrape
from tests.exporters.uplink.lines import LINE, in_namespaces, told, view, whole, write

METRICS = (*uplink.METRICS, *uplink_tc.METRICS, *uplink_probes.METRICS)


def test_every_metric_is_told_and_promtool_finds_no_fault(tmp_path: Path) -> None:
    gateway = {"name": "gw", "address": "127.0.0.1", "port": 1, "interval": "100ms"}
    more = {"capacity": "1G", "nodes": ["c*"], "disks": [str(tmp_path)], "peers": [gateway]}
    shown = view(tmp_path, whole(), {**LINE, **more})
    prober = Prober()
    prober.start()
    with ExitStack() as stack:
        stack.callback(prober.stop)
        server = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
        (peer,) = shown.config.peers
        prober.probe([replace(peer, port=server.getsockname()[1])])
        wait_until(lambda: len(prober.samples("tcp")) > 14, what="two answers")
        samples = [
            *told(configured.FACILITY, shown).samples,
            *told(interfaces.FACILITY, shown).samples,
            *told(limiters.FACILITY, shown).samples,
            *told(pods.FACILITY, Pods(shown, PodNames("/", "/", shown.kernel))).samples,
            *told(disks.FACILITY, Disks(lambda: shown.config, "/sys", "/proc")).samples,
            *told(probes.TCP_PROBES, prober).samples,
        ]

    lines = exposition.Writer(METRICS).write(samples)
    text = exposition.text(lines)
    assert {sample.metric for sample in samples} == set(METRICS)
    assert lines.duplicates == ()
    promtool = str(ensure("promtool")["promtool"])
    checked = subprocess.run([promtool, "check", "metrics"], input=text.encode(), check=False)
    assert checked.returncode == 0


def test_each_facility_is_read_by_just_one_worker() -> None:
    read = [name for names in FACILITIES.values() for name in names]

    assert sorted(read) == sorted(facility.name for facility in UPLINK.facilities)


def test_a_wrong_file_is_refused_when_the_program_starts(tmp_path: Path) -> None:
    file = tmp_path / "uplink.yaml"
    file.write_text("lines: [{nam: a}]")

    done = subprocess.run(
        [*EXPORTER, "--collector.uplink", "--uplink.config.file", str(file), "--once"],
        capture_output=True,
        text=True,
        cwd=ROOT,
        check=False,
    )

    assert done.returncode == 1
    assert done.stderr == (
        f"railwatch-exporter: error: --uplink.config.file {file}: lines[0]: unknown field 'nam': "
        "did you mean 'name'?\n"
    )


def test_without_a_file_the_family_cannot_be_asked_for() -> None:
    done = subprocess.run(
        [*EXPORTER, "--collector.uplink", "--once"],
        capture_output=True,
        text=True,
        cwd=ROOT,
        check=False,
    )

    assert done.returncode == 2
    assert "--collector.uplink: needs --uplink.config.file" in done.stderr


def test_only_the_workers_that_have_something_to_read_are_there(tmp_path: Path) -> None:
    file = str(write(tmp_path, {"name": "a"}))

    def keys(*facilities: str) -> list[str]:
        settings = Settings(uplink_config_file=file, facilities=frozenset(facilities))
        return [post.key for post in UplinkFamily(settings, Pace.of(1.0, 0.0)).posts]

    assert keys("uplink.disks") == ["uplink disks"]
    assert keys("uplink.pods", "uplink.icmp_probes") == ["uplink kernel", "uplink probes"]


class Inside(Exporter):
    """An exporter that is scraped from within its namespace."""

    def __init__(self, process: Process, site: Namespace) -> None:
        super().__init__(process)
        self._site = site

    def get(self, path: str = "/metrics", **headers: str) -> Answer:
        return self._site.inside(lambda: Exporter.get(self, path, **headers))


@pytest.fixture
def running(tmp_path: Path) -> Iterator[tuple[Line, Inside, Path]]:
    with line(delay=0.005) as both, ExitStack() as stack:
        shaped = "qdisc add dev line root handle 1: tbf rate 1mbit burst 5000 limit 9000"
        both.near.tc(*shaped.split())
        stack.enter_context(both.far.inside(lambda: socket.create_server((FAR_ADDRESS, 9000))))
        file = write(tmp_path, configuration(tmp_path, "1G"))
        off = [f"--no-collector.{f.name}" for f in FAMILIES if f.on and f.name != "node"]
        argv = [*EXPORTER, *off, "--collector.uplink", "--uplink.config.file", str(file)]
        argv += ["--interval", "200ms", "--uplink.probe-interval", "100ms"]
        process = stack.enter_context(Process(both.near.command(*argv), name="exporter", cwd=ROOT))
        exporter = Inside(process, both.near)
        process.await_ready(exporter.is_ready)
        yield both, exporter, file


def configuration(folder: Path, capacity: str) -> dict[str, object]:
    return {
        "name": "dc",
        "capacity": capacity,
        "interfaces": ["line"],
        "peers": [
            {"name": "far", "address": FAR_ADDRESS, "port": 9000},
            {"name": "far", "address": FAR_ADDRESS, "kind": "icmp"},
        ],
        "disks": [str(folder)],
    }


@in_namespaces
def test_the_exporter_sees_a_throttled_host_and_takes_a_new_file(
    running: tuple[Line, Inside, Path],
) -> None:
    both, exporter, file = running

    def burst() -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            for _ in range(100):
                sender.sendto(bytes(1000), (FAR_ADDRESS, 9))

    before = exporter.scrape()
    both.near.inside(burst)
    bytes_sent = "railwatch_uplink_transmit_bytes_total"

    def throttled_and_answered(scrape: Scrape) -> None:
        assert (scrape.value("railwatch_uplink_tc_drops_total") or 0) > 50
        assert answered(scrape, "tcp") > 3
        assert answered(scrape, "icmp") > 3
        assert scrape.value("railwatch_uplink_tc_rate_bytes_per_second", kind="tbf") == 125_000
        assert (scrape.value(bytes_sent) or 0) > (before.value(bytes_sent) or 0)
        round_trip = "railwatch_uplink_probe_round_trip_seconds"
        assert (scrape.value(round_trip, kind="icmp", statistic="min") or 0) >= 0.01
        for facility in UPLINK.facilities:
            wanted = "absent" if facility.name == "pods" else "ok"
            assert scrape.collector_state("uplink", facility.name) == wanted

    after = exporter.await_true(throttled_and_answered)

    file.write_text("lines: nonsense")
    wrong = exporter.await_scrape(
        "the wrong file", lambda s: s.value("railwatch_uplink_config_valid") == 0
    )
    assert capacity(wrong) == 125e6
    assert goes_on(after, exporter)

    write(file.parent, configuration(file.parent, "2G"))
    right = exporter.await_scrape(
        "the new file", lambda s: s.value("railwatch_uplink_config_valid") == 1
    )
    assert capacity(right) == 250e6
    assert goes_on(wrong, exporter)


def goes_on(before: Scrape, exporter: Exporter) -> bool:
    """Whether probes are counted on from there; with a worker that was taken for hung, anew."""
    now = exporter.await_scrape("probes", lambda s: answered(s, "tcp") > 0)
    return answered(now, "tcp") >= answered(before, "tcp") or hangs(now) > hangs(before)


def hangs(scrape: Scrape) -> float:
    name = "railwatch_exporter_worker_failures_total"
    return scrape.value(name, family="uplink", cause="hung") or 0


def answered(scrape: Scrape, kind: str) -> float:
    return scrape.value("railwatch_uplink_probes_total", kind=kind, result="answered") or 0


def capacity(scrape: Scrape) -> float | None:
    return scrape.value("railwatch_uplink_capacity_bytes_per_second", direction="receive")
