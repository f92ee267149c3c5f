"""Requests to leave the GPUs alone."""

from pathlib import Path

from exporters.gpu.hold import Hold
from exporters.settings import Settings


def test_without_files_they_are_never_held() -> None:
    made = Hold(Settings())

    assert not made.look()
    assert made.free


def test_a_hold_file_holds_while_it_is_there(tmp_path: Path) -> None:
    file = tmp_path / "hold"
    made = Hold(Settings(hold_file=str(file)))
    assert not made.look()

    file.touch()
    began = made.look(), made.free, made.look()
    file.unlink()

    assert began == (True, False, False)
    assert str(file) in made.reason
    assert (made.look(), made.free) == (True, True)


def test_a_marker_of_readiness_holds_while_it_is_gone(tmp_path: Path) -> None:
    file = tmp_path / "driver-ready"
    made = Hold(Settings(driver_ready_file=str(file)))

    assert (made.look(), made.free) == (True, False)
    file.touch()
    assert (made.look(), made.free) == (True, True)


def test_it_is_held_until_both_agree(tmp_path: Path) -> None:
    hold, ready = tmp_path / "hold", tmp_path / "ready"
    hold.touch()
    made = Hold(Settings(hold_file=str(hold), driver_ready_file=str(ready)))
    made.look()

    hold.unlink()
    still = made.look(), made.free
    ready.touch()

    assert still == (False, False)
    assert made.look()
