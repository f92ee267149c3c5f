"""A library that does not fit the driver."""

from pathlib import Path

import pytest

from catalog.gpu_state import DriverState
from exporters.gpu.mismatch import Mismatch, MismatchError
from exporters.keeping import Keeping
from exporters.machine import Machine
from exporters.settings import Settings
from testbed.sysfs import SimulatedSysfs

STALE = DriverState.VERSION_MISMATCH


def mismatch(node: SimulatedSysfs, state: str, *, exits: bool = True) -> Mismatch:
    settings = Settings(procfs=str(node.proc), state=state, exit_on_driver_mismatch=exits)
    return Mismatch(settings, Keeping(state, Machine.of(str(node.path))))


def test_it_ends_the_program_once_a_boot(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with SimulatedSysfs(ports=0) as node:
        with pytest.raises(MismatchError):
            mismatch(node, str(tmp_path)).judge(STALE)

        mismatch(node, str(tmp_path)).judge(STALE)
        assert "a restart did not help" in caplog.text
        node.reboot()

        with pytest.raises(MismatchError):
            mismatch(node, str(tmp_path)).judge(STALE)


def test_unless_asked_it_only_says_so_once_each_time(caplog: pytest.LogCaptureFixture) -> None:
    with SimulatedSysfs(ports=0) as node:
        made = mismatch(node, "", exits=False)
        for state in (DriverState.OK, STALE, STALE, None, STALE):
            made.judge(state)

    assert caplog.text.count("does not fit the driver") == 2


def test_what_cannot_be_kept_is_no_reason_to_end(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("exporters.gpu.mismatch._KEPT_WITHIN", 0.2)
    (tmp_path / "file").touch()
    with SimulatedSysfs(ports=0) as node:
        mismatch(node, str(tmp_path / "file")).judge(STALE)

    assert "the program goes on" in caplog.text
