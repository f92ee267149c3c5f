"""The exporter as a real process on simulated hardware, and what it says."""

import re
import sys
import urllib.request
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from urllib.error import HTTPError

from prometheus_client.parser import text_string_to_metric_families

from testbed.nvml import SimulatedNvml
from testbed.processes import Process
from testbed.sysfs import SimulatedSysfs
from testbed.waiting import PATIENCE, wait_until

EXPORTER = (sys.executable, "-m", "exporters")

_LISTENING = re.compile(r"msg=listening url=https?://(\S+)")


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
    text: str = ""

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
    return Scrape([Series(s.name, s.labels, s.value) for f in families for s in f.samples], text)


@dataclass
class Exporter:
    process: Process

    @property
    def url(self) -> str:
        """Where it listens: it takes a port that is free, and says which."""
        found = _LISTENING.search(self.process.log.read_text())
        if found is None:
            raise ConnectionRefusedError("it does not listen yet")
        return f"http://{found[1]}"

    def get(self, path: str = "/metrics", **headers: str) -> Answer:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        request = urllib.request.Request(self.url + path, headers=named)
        try:
            with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
                return Answer(answer.status, dict(answer.headers), answer.read())
        except HTTPError as error:
            with error:
                return Answer(error.code, dict(error.headers), error.read())

    def scrape(self) -> Scrape:
        """Return the newest snapshot; after a long stall of the machine there is none at first."""
        return wait_until(self._newest, what="a snapshot that is not too old")

    def _newest(self) -> Scrape | None:
        answer = self.get()
        return parse(answer.body.decode()) if answer.status == 200 else None

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

    def await_true(self, holds: Callable[[Scrape], None]) -> Scrape:
        """Return the first scrape of which all is true that is asserted of it.

        Each GPU and each device is read by a worker of its own, at its own time, and a machine that
        stalls makes the last readings of all of them old for a moment.
        """
        wrong: list[AssertionError] = []

        def check() -> Scrape | None:
            scrape = self.scrape()
            try:
                holds(scrape)
            except AssertionError as error:
                wrong[:] = [error]
                return None
            return scrape

        try:
            return wait_until(check)
        except TimeoutError:
            raise wrong[0] from None

    def await_readiness(self, said: str) -> None:
        """Wait until it is ready and says this of how it stands."""

        def check() -> bool:
            answer = self.get("/readyz")
            return answer.status == 200 and said in answer.body.decode()

        wait_until(check, what=f"{said!r}\n{self.process.tail()}")

    def processes(self) -> list[int]:
        """Return the program's process, its zygote, and all below that."""
        return list(_tree(self.process.pid))


def _tree(pid: int) -> Iterator[int]:
    children, found = _children(), [pid]
    for one in found:
        yield one
        found += children[one]


def _children() -> dict[int, list[int]]:
    """Return all processes by their parent: what a parent lists of its own may lack some."""
    found = defaultdict[int, list[int]](list)
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):  # it may end meanwhile
            parent = stat.read_text().rpartition(")")[2].split()[1]
            found[int(parent)].append(int(stat.parent.name))
    return found


def name_of(pid: int) -> str:
    """Return what a process calls itself, nothing where it has ended."""
    with suppress(OSError):
        return Path(f"/proc/{pid}/comm").read_text().strip()
    return ""


def is_stuck(pid: int) -> bool:
    """Whether a process sleeps uninterruptibly, and not just until its disk has answered."""
    with suppress(OSError):
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        waits_in = Path(f"/proc/{pid}/wchan").read_text()
        return state == "D" and (waits_in in ("", "0") or any(map(waits_in.__contains__, _FUSE)))
    return False


_FUSE = ("request_wait", "fuse")
"""In the names of where kernels have those who wait for a file of testbed.fuse."""


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
    argv = [
        *EXPORTER,
        *on.flags(),
        *("--interval", interval),
        *("--web.listen-address", "127.0.0.1:0"),
        *flags,
    ]
    with ExitStack() as stack:
        process = stack.enter_context(
            Process(argv, name="exporter", env=on.nvml.environment, cwd=ROOT)
        )
        running = Exporter(process)

        def is_ready() -> bool:
            with suppress(OSError):
                return ready(running)
            return False

        process.await_ready(is_ready)
        yield running


ROOT = Path(__file__).parents[2]
