"""The units for nodes outside Kubernetes: systemd takes them, the exporter takes their flags."""

import ctypes.util
import os
import re
import shlex
import shutil
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path

import pytest

from exporters.registry import FABRIC
from exporters.settings import Settings, add_settings, open_settings
from program.flags import parser
from program.surface import add_surface
from testbed.http import Client
from testbed.ibsim import PACKAGES, SimulatedFabric, rails
from testbed.node import exporter
from testbed.nvml import SimulatedNvml
from testbed.ports import free_port
from testbed.processes import Process
from testbed.sysfs import SimulatedSysfs
from testbed.waiting import until_true, wait_until
from tests.install.charts import DEPLOY, ROOT, run
from tests.install.units import settings
from tests.packages import needs

UNITS = sorted((DEPLOY / "systemd").glob("*.service"))
INSTALLED = "/opt/railwatch/bin/"


def told(unit: Path) -> Settings:
    """Return what a unit's flags say."""
    (command,) = [value for name, value in settings(unit) if name == "ExecStart"]
    program, *flags = shlex.split(command)
    assert program == f"{INSTALLED}railwatch-exporter"
    assert flags.pop() == "$RAILWATCH_FLAGS"
    made = parser("railwatch-exporter", "")
    add_settings(made)
    add_surface(made, ":9410")
    return open_settings(made.parse_args(flags))


def test_the_exporter_takes_the_flags_of_the_units() -> None:
    exporter, fabric = (told(unit) for unit in UNITS)

    assert exporter.state == "/var/lib/railwatch"
    assert not [key for key in exporter.facilities if key.startswith("allocation.")]
    assert "node.kernel_log" in exporter.facilities
    assert fabric.facilities == {one.key for one in FABRIC.facilities if one.on}


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.stem)
def test_a_unit_keeps_no_right_that_it_can_do_without(unit: Path) -> None:
    said = dict(settings(unit))

    kept = {"railwatch-exporter": {"CAP_SYSLOG", "CAP_NET_ADMIN", "CAP_NET_RAW"}}
    assert set(said["CapabilityBoundingSet"].split()) == kept.get(unit.stem, set())
    assert said["NoNewPrivileges"] == said["PrivateTmp"] == said["RestrictNamespaces"] == "yes"
    assert said["ProtectSystem"] == "strict"
    # However often it ends, it is started again, and jobs that fill the memory are ended before it.
    assert (said["Restart"], said["StartLimitIntervalSec"]) == ("always", "0")
    assert int(said["OOMScoreAdjust"]) < -900
    # Any of these makes a list of the devices that are there at the start.
    assert not {"PrivateDevices", "DeviceAllow", "ProtectClock"} & said.keys()


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="no systemd-analyze")
@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.stem)
def test_systemd_takes_a_unit_and_finds_it_hardened(unit: Path, tmp_path: Path) -> None:
    here = tmp_path / unit.name
    text = unit.read_text(encoding="utf-8")
    here.write_text(text.replace(INSTALLED, f"{Path(sys.executable).parent}/"), encoding="utf-8")

    verified = run("systemd-analyze", "verify", here)
    secure = run("systemd-analyze", "security", "--offline=true", "--threshold=40", here)

    assert (verified.returncode, verified.stderr) == (0, "")
    assert secure.returncode == 0, secure.stdout


RIGHTS = {"CapEff", "CapBnd", "NoNewPrivs", "Seccomp"}
SANDBOX = pytest.mark.skipif(
    os.geteuid() != 0
    or not all(map(shutil.which, ("systemd-analyze", "unshare", "setpriv")))
    or ctypes.util.find_library("seccomp") is None,
    reason="a unit's sandbox needs root, systemd-analyze, unshare, setpriv and libseccomp",
)


@contextmanager
def started(
    name: str, flags: Sequence[str], shown: Sequence[Path], environment: Mapping[str, str]
) -> Iterator[tuple[Process, Client]]:
    """Run a unit's ExecStart in its sandbox; see tests/install/sandbox.py for what that is."""
    address = f"127.0.0.1:{free_port()}"
    said = " ".join([*flags, f"--web.listen-address={address}"])
    unit = DEPLOY / "systemd" / f"{name}.service"
    argv: list[str | Path] = ["unshare", "--mount", sys.executable, "-m", "tests.install.sandbox"]
    with Process(
        [*argv, unit, *shown], env={**environment, "RAILWATCH_FLAGS": said}, cwd=ROOT
    ) as process:
        yield process, Client(f"http://{address}")


def rights(process: Process) -> dict[str, int]:
    """Return the rights that a process has, as the kernel tells them."""
    lines = Path(f"/proc/{process.pid}/status").read_text(encoding="utf-8").splitlines()
    pairs = (line.split(":") for line in lines)
    return {name: int(value, 16) for name, value in pairs if name in RIGHTS}


def written(process: Process) -> set[str]:
    """Return the file systems that a process sees and may write, but for those of the kernel.

    What others mount below our /tmp stands among its mounts, too, under what hides it.
    """
    root = Path("/proc", str(process.pid), "root")
    lines = Path(f"/proc/{process.pid}/mounts").read_text(encoding="utf-8").splitlines()
    mounts = {path: options for _, path, _, options, *_ in map(str.split, lines)}
    kernels = ("/proc", "/dev")
    return {
        path
        for path, options in mounts.items()
        if "rw" in options.split(",")
        and not path.startswith(kernels)
        and (root / path.lstrip("/")).exists()
    }


def capabilities(*numbers: int) -> int:
    return sum(1 << number for number in numbers)


SYSLOG, NET_ADMIN, NET_RAW = 34, 12, 13
FILTERED = 2
"""What the kernel says of a process whose system calls are filtered."""


@SANDBOX
def test_the_exporter_reads_a_node_in_its_units_sandbox() -> None:
    with SimulatedNvml() as nvml, SimulatedSysfs() as sysfs:
        for gpu in range(nvml.gpus):
            sysfs.gpus.plug(nvml.slot(gpu))
        shown = [nvml.control.parent, sysfs.root, nvml.library.resolve().parent]
        flags = [*hardware_flags(nvml, sysfs), "--interval=1s"]
        with started("railwatch-exporter", flags, shown, nvml.environment) as (process, client):
            process.await_ready(lambda: client.is_ok("/readyz"))
            until_true(partial(reads_all, client))
            state = Path("/proc", str(process.pid), "root", "var/lib/railwatch")
            modes = wait_until(partial(kept, state), what="something is kept")
            had, writable = rights(process), written(process)
            code = process.stop()

    assert code == 0
    assert had["CapEff"] == had["CapBnd"] == capabilities(SYSLOG, NET_ADMIN, NET_RAW)
    assert (had["NoNewPrivs"], had["Seccomp"]) == (1, FILTERED)
    assert writable - {*map(str, shown)} == {"/tmp", "/var/tmp", "/var/lib/railwatch"}
    assert modes == {0o700, 0o600}


def reads_all(client: Client) -> None:
    """The exporter reads all of a simulated node; one that stalled for long does so soon after."""
    ready = client.request("GET", "/readyz").text
    scraped = client.request("GET", "/metrics").text
    assert scraped.count("railwatch_gpu_info{") == 8
    assert scraped.count("railwatch_rdma_port_info{") == 8
    assert "gpu/state: ok" in ready
    assert "node/kernel_log: ok" in ready
    assert [line for line in ready.splitlines() if re.match("(gpu|rdma|node)/.*failed", line)] == []


def kept(state: Path) -> set[int]:
    """Return the modes of a folder and of what is kept in it; nothing while nothing is."""
    modes = set()
    for path in state.iterdir():
        with suppress(FileNotFoundError):  # one that was being written
            modes.add(path.stat().st_mode & 0o777)
    return modes and modes | {state.stat().st_mode & 0o777}


def hardware_flags(nvml: SimulatedNvml, sysfs: SimulatedSysfs) -> list[str]:
    """Return what leads an exporter to simulated hardware."""
    words = exporter(nvml, sysfs)
    return words[words.index("--nvml.library") :]


@SANDBOX
@needs(*PACKAGES)
def test_the_fabrics_tools_work_in_its_units_sandbox_without_any_right() -> None:
    with SimulatedFabric(rails(indices=2)) as fabric:
        flags = ["--fabric.interval=5s", "--fabric.mad-rate=100000"]
        with started("railwatch-fabric", flags, [fabric.root], fabric.environment) as (
            process,
            client,
        ):
            process.await_ready(lambda: client.is_ok("/readyz"))
            until_true(partial(finds_all, client))
            had, writable = rights(process), written(process)
            code = process.stop()

    assert code == 0
    assert had["CapEff"] == had["CapBnd"] == 0
    assert writable - {str(fabric.root)} == {"/tmp", "/var/tmp"}
    assert (had["NoNewPrivs"], had["Seccomp"]) == (1, FILTERED)


def finds_all(client: Client) -> None:
    assert "topology: ok" in client.request("GET", "/readyz").text
    assert "railwatch_fabric_discovery_complete 1" in client.request("GET", "/metrics").text
