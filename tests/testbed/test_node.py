import re
import shlex
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from testbed.ports import free_port
from testbed.processes import Process
from testbed.waiting import PATIENCE, wait_until

NODE = [sys.executable, "-u", "-m", "testbed.node"]


@contextmanager
def node(*arguments: str) -> Iterator[tuple[Process, str]]:
    """Run a simulated node; yield it with the URL that it prints once it is ready."""
    with Process([*NODE, *arguments], name="node") as process:
        process.await_ready(lambda: "Ctrl-C ends all" in process.log.read_text())
        yield process, re.findall(r"^http\S+$", process.log.read_text(), re.MULTILINE)[0]


def metrics(url: str) -> str:
    with urllib.request.urlopen(url, timeout=PATIENCE) as answer:
        return str(answer.read().decode())


def count(url: str, pattern: str) -> int:
    """Return how many series of the exposition begin with a pattern."""
    return len(re.findall(f"^{pattern}", metrics(url), re.MULTILINE))


def absent_or_failed(url: str) -> set[str]:
    """Return the facilities of the simulated hardware that yield nothing."""
    state = (
        r'^railwatch_exporter_collector_state{family="(?:gpu|rdma|node)",'
        r'facility="(\w+)",state="(?:absent|failed)"\S* 1$'
    )
    return set(re.findall(state, metrics(url), re.MULTILINE))


def finished(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*NODE, *arguments], capture_output=True, text=True, timeout=2 * PATIENCE, check=False
    )


def test_a_node_shows_eight_gpus_and_eight_ports_that_can_be_broken() -> None:
    with node("--interval", "500ms") as (process, url):
        wait_until(lambda: count(url, r"railwatch_gpu_state\S*ok\S* 1") == 8)
        wait_until(lambda: count(url, r"railwatch_rdma_port_state\S* 4") == 8)
        wait_until(lambda: count(url, r"railwatch_exporter_collector_state\S*ok\S* 1") >= 10)
        # An H100 remaps rows instead of retiring pages, is cooled by its chassis and not coupled to
        # a CPU; it has no licence to ask for, and no counters of PCIe bytes.
        lacking = {"fans", "retired_pages", "remapped_banks", "c2c", "vgpu_license", "pcie_bytes"}
        wait_until(lambda: absent_or_failed(url) == lacking, what=f"only {lacking} yield nothing")
        commands = re.findall(r"^  (\S+ -m testbed\..*)$", process.log.read_text(), re.MULTILINE)
        lose, _, down = (shlex.split(command) for command in commands)

        subprocess.run(lose, check=True)
        subprocess.run(down, check=True)

        wait_until(lambda: count(url, r"railwatch_gpu_state\S*lost\S* 1") == 1)
        wait_until(lambda: count(url, r"railwatch_rdma_port_state\S* 1") == 1)


def test_further_arguments_reach_the_exporter() -> None:
    address = f"127.0.0.1:{free_port()}"
    arguments = (
        "--gpus=2", "--ports=1", "--web.listen-address", address,
        "--web.telemetry-path=/m", "--no-collector.rdma",
    )  # fmt: skip

    with node(*arguments) as (_, url):
        wait_until(lambda: count(url, r"railwatch_gpu_state\S*ok\S* 1") == 2)

        assert url == f"http://{address}/m"
        assert count(url, "railwatch_rdma_port_state") == 0


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_all_and_leaves_nothing(number: signal.Signals) -> None:
    with node("--gpus=1", "--ports=1") as (process, _):
        control = Path(re.findall(r"testbed\.nvml (\S+)", process.log.read_text())[0])
        (exporter,) = children(process.pid)

        process.signal(number)

        assert process.wait() == 0
        wait_until(lambda: not Path(f"/proc/{exporter}").exists())
        assert not control.parent.exists()


def children(parent: int) -> list[int]:
    """Return the processes whose parent is this one."""
    found = []
    for status in Path("/proc").glob("[0-9]*/status"):
        with suppress(OSError):  # one that ends meanwhile
            if f"\nPPid:\t{parent}\n" in status.read_text():
                found.append(int(status.parent.name))
    return found


def test_what_the_exporter_refuses_is_shown_and_ends_the_node() -> None:
    done = finished("--nonsense")

    assert done.returncode == 2
    assert "railwatch-exporter: error: " in done.stdout
    assert "--nonsense" in done.stdout


def test_once_prints_one_exposition() -> None:
    done = finished("--once", "--gpus=1", "--ports=1")

    assert done.returncode == 0
    assert re.search(r"^railwatch_gpu_info\{.*H100", done.stdout, re.MULTILINE)


@pytest.mark.parametrize(
    ("wrong", "named"),
    [("--gpus=17", "0 to 16"), ("--ports=-1", "ports"), ("--web.listen-address=9410", ":9410")],
)
def test_a_wrong_argument_ends_in_one_line(wrong: str, named: str) -> None:
    done = finished(wrong)

    assert done.returncode == 2
    assert done.stderr.startswith("python -m testbed.node: error: ")
    assert named in done.stderr
    assert done.stderr.count("\n") == 1
