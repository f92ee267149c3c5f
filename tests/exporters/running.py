"""The exporter as a real process on simulated hardware, and what it says."""

import sys
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.error import HTTPError

from prometheus_client.parser import text_string_to_metric_families

from testbed.nvml import SimulatedNvml
from testbed.ports import free_port
from testbed.processes import Process
from testbed.sysfs import SimulatedSysfs
from testbed.waiting import wait_until

EXPORTER = (sys.executable, "-m", "exporters")


@dataclass(frozen=True)
class Answer:
    status: int
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True)
class Series:
    name: str
    labels: Mapping[str, str]
    value: float


@dataclass
class Scrape:
    series: list[Series] = field(default_factory=list)

    def all(self, name: str, **labels: str) -> list[Series]:
        return [
            one
            for one in self.series
            if one.name == name and labels.items() <= dict(one.labels).items()
        ]

    def value(self, name: str, **labels: str) -> float | None:
        found = self.all(name, **labels)
        assert len(found) <= 1, f"{name}{labels} names {len(found)} series"
        return found[0].value if found else None

    def gpu_state(self, uuid: str) -> str | None:
        states = [
            s.labels["state"] for s in self.all("railwatch_gpu_state", uuid=uuid) if s.value == 1
        ]
        assert len(states) <= 1
        return states[0] if states else None

    def collector_state(self, family: str, facility: str) -> str:
        found = self.all("railwatch_exporter_collector_state", family=family, facility=facility)
        (state,) = [s.labels["state"] for s in found if s.value == 1]
        return state


def parse(text: str) -> Scrape:
    families = text_string_to_metric_families(text)
    return Scrape([Series(s.name, s.labels, s.value) for f in families for s in f.samples])


@dataclass
class Exporter:
    process: Process
    url: str

    def get(self, path: str = "/metrics", **headers: str) -> Answer:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        request = urllib.request.Request(self.url + path, headers=named)
        try:
            with urllib.request.urlopen(request, timeout=5) as answer:
                return Answer(answer.status, dict(answer.headers), answer.read())
        except HTTPError as error:
            with error:
                return Answer(error.code, dict(error.headers), error.read())

    def scrape(self) -> Scrape:
        return parse(self.get().body.decode())

    def is_ready(self) -> bool:
        try:
            return self.get("/readyz").status == 200
        except OSError:
            return False

    def await_scrape(self, what: str, condition: Callable[[Scrape], bool]) -> Scrape:
        """Return the first scrape that fulfils the condition."""

        def check() -> Scrape | None:
            scrape = self.scrape()
            return scrape if condition(scrape) else None

        return wait_until(check, what=f"{what}\n{self.process.tail()}")

    def processes(self) -> list[int]:
        """Return the program's process and all below it."""
        return sorted(_tree(self.process.pid))


def _tree(pid: int) -> Iterator[int]:
    yield pid
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        for child in task.read_text().split():
            yield from _tree(int(child))


def is_gone(pid: int) -> bool:
    """Whether a process has ended; one that only waits to be reaped has."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True


def await_gone(pids: list[int]) -> None:
    wait_until(lambda: all(map(is_gone, pids)), what=f"{pids} have ended", every=0.02)


@dataclass
class Hardware:
    nvml: SimulatedNvml
    sysfs: SimulatedSysfs

    def flags(self) -> list[str]:
        return [
            *("--path.sysfs", str(self.sysfs.path)),
            *("--path.procfs", str(self.sysfs.proc)),
            *("--path.kmsg", str(self.nvml.kernel_log.path)),
            *("--nvml.library", str(self.nvml.library)),
            *("--kubelet.socket-dir", str(self.sysfs.root / "pod-resources")),
            *("--path.pod-logs", str(self.sysfs.root / "log")),
        ]


@contextmanager
def hardware(gpus: int = 3, ports: int = 2) -> Iterator[Hardware]:
    with SimulatedNvml(gpus=gpus) as nvml, SimulatedSysfs(ports=ports) as sysfs:
        for gpu in range(gpus):
            sysfs.gpus.plug(nvml.slot(gpu))
        yield Hardware(nvml, sysfs)


@contextmanager
def exporter(
    on: Hardware,
    *flags: str,
    interval: str = "200ms",
    ready: Callable[[Exporter], bool] = Exporter.is_ready,
) -> Iterator[Exporter]:
    port = free_port()
    argv = [
        *EXPORTER,
        *on.flags(),
        *("--interval", interval),
        *("--web.listen-address", f"127.0.0.1:{port}"),
        *flags,
    ]
    with ExitStack() as stack:
        process = stack.enter_context(
            Process(argv, name="exporter", env=on.nvml.environment, cwd=ROOT)
        )
        running = Exporter(process, f"http://127.0.0.1:{port}")
        process.await_ready(lambda: ready(running))
        yield running


ROOT = Path(__file__).parents[2]
