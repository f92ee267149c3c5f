"""--check: what works here, what it lacks, and what gives it."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from exporters import needs
from exporters.check import report
from exporters.facility import State
from exporters.ledger import Standing
from exporters.needs import NEEDS, lacking
from exporters.registry import FAMILIES
from exporters.settings import Settings
from testbed.kubelet import SimulatedKubelet
from tests.exporters.running import EXPORTER, ROOT, Hardware, hardware

DOCUMENT = ROOT / "docs" / "exporter.md"

PATIENTLY = ("--interval", "60s")
"""Deadlines go with the interval: so that no stall of the machine is a device that hangs."""


@pytest.fixture
def machine() -> Iterator[Hardware]:
    with hardware(1, 1) as made:
        (made.sysfs.root / "log" / "pods").mkdir(parents=True)
        yield made


def check(on: Hardware, *flags: str, without: tuple[str, ...] = ()) -> tuple[int, dict[str, str]]:
    """Return the exit code, and what is said of each facility."""
    done = subprocess.run(
        [*without, *EXPORTER, *on.flags(), "--check", *PATIENTLY, "--log.level", "error", *flags],
        env={**os.environ, **on.nvml.environment},
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    facilities, _, remedies = done.stdout.partition("\n# ")
    said = dict(line.split(": ", 1) for line in facilities.splitlines() if line)
    return done.returncode, {**said, "": remedies}


def test_where_nothing_lacks_it_says_so_and_is_content(machine: Hardware) -> None:
    directory = machine.sysfs.root / "pod-resources"
    directory.mkdir(exist_ok=True)
    with SimulatedKubelet(directory):
        code, said = check(machine, "--no-collector.rdma_netlink", "--no-collector.gpu.users")

    assert said["gpu.memory"] == said["allocation.pods"] == said["node.kernel_log"] == "works"
    assert said["gpu.fans"] == "nothing to read here"
    assert (code, said[""]) == (0, "")


def test_without_a_library_where_there_are_gpus_it_names_the_runtime(machine: Hardware) -> None:
    code, said = check(machine, "--nvml.library", "libnowhere-ml.so.1")

    assert "lacks driver library (no libnowhere-ml.so.1)" in said["gpu.memory"]
    assert "NVIDIA_VISIBLE_DEVICES" in said[""]
    assert code == 1


def test_without_a_kernel_log_it_names_the_device(machine: Hardware) -> None:
    code, said = check(machine, "--path.kmsg", "/nowhere/kmsg")

    assert "lacks kernel log (/nowhere/kmsg: No such file or directory)" in said["node.kernel_log"]
    assert said["gpu.memory"] == "works"
    assert "mountPath: /dev/kmsg" in said[""]
    assert code == 1


def test_a_kernel_log_that_may_not_be_opened_is_said_with_the_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(path: str, _flags: int) -> int:
        raise PermissionError(1, "Operation not permitted", path)

    monkeypatch.setattr(os, "open", refuse)

    found = lacking(
        Settings(kmsg=str(tmp_path / "kmsg"), facilities=frozenset({"node.kernel_log"}))
    )

    ((need, why),) = found["node.kernel_log"]
    assert need.name == "kernel log"
    assert why.endswith("kmsg: Operation not permitted")


def test_without_a_kubelet_it_names_the_directory_of_its_socket(machine: Hardware) -> None:
    code, said = check(machine)

    assert "lacks kubelet socket" in said["allocation.pods"]
    assert "mountPath: /var/lib/kubelet/pod-resources" in said[""]
    assert code == 1


def test_in_a_pid_namespace_of_its_own_it_names_host_pid(machine: Hardware) -> None:
    code, said = check(machine, without=("unshare", "--pid", "--fork"))

    assert "lacks processes of the node" in said["gpu.users"]
    assert "hostPID: true" in said[""]
    assert code == 1


def test_without_rdma_nothing_is_wrong(machine: Hardware) -> None:
    machine.sysfs.remove("mlx5_0")

    _, said = check(machine)

    assert said["rdma.port"].startswith("nothing to read here")
    assert "lacks" not in said["rdma.port"]


@pytest.mark.parametrize("state", [State.FAILED, State.HUNG])
def test_what_fails_or_hangs_is_never_well(state: State) -> None:
    broken = Standing(family="node", facility="boot", state=state, problem="no answer")

    text, well = report(Settings(facilities=frozenset({"node.boot"})), [broken])

    assert (text, well) == (f"node.boot: {state} (no answer)\n", False)


def test_every_need_is_of_facilities_that_are_there_and_gives_lines_of_yaml() -> None:
    for need in NEEDS:
        known = _every() | {family.name for family in FAMILIES}
        assert set(need.facilities) <= known
        assert isinstance(yaml.safe_load(need.gives), dict)


def _every() -> set[str]:
    return {f.key for family in FAMILIES for f in family.facilities}


def test_the_table_in_the_documentation_is_this_one() -> None:
    assert needs.table() in DOCUMENT.read_text()
