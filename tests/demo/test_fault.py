"""What is refused before a server is started; docs/adding-a-fault.md's test runs the rest."""

import sys
from contextlib import ExitStack
from pathlib import Path

import pytest

from program.errors import ProgramError
from testbed.demo import fault, site
from testbed.demo.hosts import Host


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ("GpuMemoryUncorrectible nvml lose 3", "did you mean GpuMemoryUncorrectable?"),
        ("Moods nvml lose 3", "catalog/faults.py has no fault Moods\n"),
        ("UplinkDown nvml lose 3", "UplinkDown is of a line: two hosts alone cannot show it"),
        ("FabricLeafDown nvml lose 3", "FabricLeafDown is of a domain"),
        ("GpuFellOffBus nvml", "required: WORD"),
        ("GpuFellOffBus hammer 3", "choose from 'nvml', 'sysfs'"),
    ],
)
def test_what_two_hosts_cannot_show_is_refused(
    words: str,
    says: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(sys, "argv", ["fault", *words.split()])

    assert fault.main() == 2
    assert says in capsys.readouterr().err


def test_a_second_demo_of_a_checkout_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(site, "BUILD", tmp_path / "build" / "demo")

    with site.alone(), pytest.raises(ProgramError, match="in use: another demo"), site.alone():
        pass
    with site.alone():
        pass


def test_what_breaks_a_host_is_said_as_to_the_simulations(tmp_path: Path) -> None:
    with ExitStack() as stack:
        host = Host("gpu-0", stack, tmp_path)

        host.steer("nvml", ["set", "3", "memory_temperature=100"])
        with pytest.raises(ProgramError, match="expected one of DOWN, INIT"):
            host.steer("sysfs", ["state", "mlx5_2", "1", "BROKEN"])

        assert host.nvml.get(3, "memory_temperature") == 100
