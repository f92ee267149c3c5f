"""What the exporter costs a node: memory, processor, answers; eight GPUs, the default readings.

PSS, because workers are forks: a page that all share counts once. The figures are printed; each
stands beside what it should be.
"""

import base64
import http.client
import os
import platform
import ssl
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from statistics import quantiles

import bcrypt
import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from testbed.certificates import Authority
from testbed.kubelet import Container, Pod, SimulatedKubelet
from tests.exporters.running import Exporter, Hardware, exporter, hardware

GPUS = PORTS = 8
INTERVAL = 5.0
LOOKED_AT = 3 * INTERVAL
"""Seconds over which the processor's time is taken, as the program goes on by itself."""
SCRAPES = 400
MIB = 1 << 20

GPU_ONLY = tuple(
    f"--no-collector.{family}"
    for family in ("rdma", "rdma_ethtool", "rdma_netlink", "topology", "allocation", "hpc")
)

pytestmark = pytest.mark.benchmark(group="one scrape of eight GPUs")

Show = Callable[[str], None]


@pytest.fixture(scope="module", autouse=True)
def compiled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Have every module compiled before, as an image has it.

    A program that compiles as it starts keeps the holes which that leaves: some 4 MiB.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPYCACHEPREFIX", str(tmp_path_factory.mktemp("bytecode")))
        patch.delenv("PYTHONDONTWRITEBYTECODE", raising=False)
        with hardware(1, 1) as machine, exporter(machine):
            pass
        yield


@pytest.fixture
def show(capsys: pytest.CaptureFixture[str]) -> Show:
    def write(line: str) -> None:
        with capsys.disabled():
            print(f"\n  {line}", end="")

    return write


def memory(pid: int, kind: str) -> int:
    """Return the bytes of a process by a kind of /proc/PID/smaps_rollup: Pss, Private_Dirty."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(f"{kind}:")) * 1024


def name(pid: int) -> str:
    return Path(f"/proc/{pid}/comm").read_text().strip()


def processor(pids: list[int]) -> float:
    """Return the seconds that these processes took so far, with those of their dead children."""
    ticks = 0
    for pid in pids:
        with suppress(FileNotFoundError):  # one that ended stands in its parent's account
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            ticks += sum(map(int, fields[11:15]))
    return ticks / os.sysconf("SC_CLK_TCK")


def tell_cost(running: Exporter, show: Show, most: int) -> None:
    """Print memory and processor, the second over some intervals without a scrape."""
    lasting = running.processes()
    before, began = processor(lasting), time.monotonic()
    time.sleep(LOOKED_AT)
    share = (processor(lasting) - before) / (time.monotonic() - began)
    sizes = [
        (name(pid), memory(pid, "Pss") / MIB, memory(pid, "Private_Dirty") / MIB)
        for pid in running.processes()
    ]
    total = sum(size for _, size, _ in sizes)
    worker = max((size, own) for which, size, own in sizes if which == "rw-gpu")
    show(f"PSS {total:.1f} MiB (target {most}; Python {platform.python_version()}): ")
    show(f"  the program {sizes[0][1]:.1f}, of which its own {sizes[0][2]:.1f};")
    show(f"  a GPU's worker {worker[0]:.1f} at most, of which its own {worker[1]:.1f}")
    show(f"processor {100 * share:.2f} % of a core (target 3)")
    assert total > 0
    assert share > 0


@dataclass
class Client:
    """One connection that is kept, as Prometheus keeps it."""

    connection: http.client.HTTPConnection
    headers: dict[str, str]

    def ready(self) -> bool:
        try:
            self.connection.request("GET", "/readyz", headers=self.headers)
            return self.connection.getresponse().status == HTTPStatus.OK
        except OSError:
            return False
        finally:
            self.connection.close()

    def scrape(self) -> bytes:
        self.connection.request("GET", "/metrics", headers=self.headers)
        answer = self.connection.getresponse()
        body = answer.read()
        assert answer.status == HTTPStatus.OK
        return body


def client(running: Exporter) -> Client:
    connection = http.client.HTTPConnection(running.url.removeprefix("http://"), timeout=5)
    return Client(connection, {"Accept-Encoding": "gzip"})


def tell_scrapes(one: Client, benchmark: BenchmarkFixture, show: Show) -> None:
    one.scrape()
    taken: list[float] = []

    def timed() -> bytes:
        began = time.perf_counter()
        body = one.scrape()
        taken.append(time.perf_counter() - began)
        return body

    body = benchmark.pedantic(timed, rounds=SCRAPES)  # type: ignore[no-untyped-call] # its stubs lack it
    p99 = quantiles(taken, n=100)[98]
    show(f"scrape p99 {1000 * p99:.2f} ms (target 5), {len(body)} bytes zipped\n")
    one.connection.close()


@contextmanager
def pods(on: Hardware) -> Iterator[None]:
    """Have the kubelet tell of a pod on each GPU."""
    directory = on.sysfs.root / "pod-resources"
    directory.mkdir(exist_ok=True)
    with SimulatedKubelet(directory) as kubelet:
        kubelet.pods = [
            Pod(name=f"rank-{i}", containers=[Container(devices={"nvidia.com/gpu": [uuid]})])
            for i, uuid in enumerate(map(on.nvml.uuid, range(GPUS)))
        ]
        yield


@pytest.mark.parametrize("hung", [False, True], ids=["all well", "one GPU hung"])
def test_gpus_alone(benchmark: BenchmarkFixture, show: Show, hung: bool) -> None:  # noqa: FBT001 - a case
    with hardware(GPUS, PORTS) as machine, exporter(machine, *GPU_ONLY, interval="5s") as running:
        if hung:
            machine.nvml.hang(1, call="nvmlDeviceGetTemperature")
            uuid = machine.nvml.uuid(1)
            running.await_scrape("the hang", lambda s: s.gpu_state(uuid) == "hung")

        tell_cost(running, show, most=64)
        tell_scrapes(client(running), benchmark, show)


def test_the_whole_program(benchmark: BenchmarkFixture, show: Show, tmp_path: Path) -> None:
    """With attribution, RDMA, topology, TLS and a password."""
    authority = Authority(tmp_path)
    issued = authority.server("server")
    hashed = bcrypt.hashpw(b"secret", bcrypt.gensalt(4)).decode()
    config = tmp_path / "web.yml"
    config.write_text(
        f"tls_server_config: {{cert_file: {issued.certificate}, key_file: {issued.key}}}\n"
        f"basic_auth_users: {{prometheus: {hashed}}}\n"
    )
    trust = ssl.create_default_context(cafile=str(authority.ca))
    password = base64.b64encode(b"prometheus:secret").decode()
    with hardware(GPUS, PORTS) as machine, pods(machine):

        def connect(running: Exporter) -> Client:
            host = running.url.removeprefix("http://")
            connection = http.client.HTTPSConnection(host, timeout=5, context=trust)
            headers = {"Accept-Encoding": "gzip", "Authorization": f"Basic {password}"}
            return Client(connection, headers)

        flags = ("--web.config.file", str(config))
        with exporter(
            machine, *flags, interval="5s", ready=lambda r: connect(r).ready()
        ) as running:
            one = connect(running)
            one.scrape()
            tell_cost(running, show, most=96)
            tell_scrapes(one, benchmark, show)
