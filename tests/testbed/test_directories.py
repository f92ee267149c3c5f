"""Private directories and free ports."""

import os
import signal
import socket
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from testbed.directories import private_directory
from testbed.ports import free_port, is_served_by
from testbed.waiting import until_true, wait_until

HOLD = """
import sys, time
from testbed.directories import private_directory
with private_directory("held") as directory:
    print(directory, flush=True)
    time.sleep(60)
"""


@pytest.fixture(autouse=True)
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(tempfile, "tempdir", None)
    return tmp_path / f"railwatch-{os.getuid()}"


@pytest.fixture
def other_owner() -> Iterator[tuple[subprocess.Popen[str], Path]]:
    """Another program that holds a directory until it is killed."""
    with subprocess.Popen([sys.executable, "-c", HOLD], stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout is not None
        yield other, Path(other.stdout.readline().strip())
        other.kill()


def test_a_private_directory_is_its_users_alone_and_gone_at_the_end(root: Path) -> None:
    with private_directory("etcd") as directory:
        (directory / "data").mkdir()
        mode = stat.S_IMODE(directory.stat().st_mode)
        parent = stat.S_IMODE(root.stat().st_mode)

    assert (mode, parent) == (0o700, 0o700)
    assert directory.name.startswith("etcd-")
    assert not directory.exists()


def test_a_directory_goes_when_its_user_fails() -> None:
    with pytest.raises(RuntimeError), private_directory("etcd") as directory:
        raise RuntimeError

    assert not directory.exists()


def test_a_directory_whose_owner_lives_is_left_alone(
    other_owner: tuple[subprocess.Popen[str], Path],
) -> None:
    _, theirs = other_owner

    with private_directory("mine") as mine:
        assert theirs.is_dir()
        assert mine.is_dir()


def test_the_directory_of_a_killed_owner_goes_at_the_next_start(
    other_owner: tuple[subprocess.Popen[str], Path],
) -> None:
    other, theirs = other_owner
    (theirs / "data").write_text("left behind")
    other.send_signal(signal.SIGKILL)
    other.wait()
    assert theirs.is_dir()

    with private_directory("mine"):
        assert not theirs.exists()


def test_a_directory_that_never_got_its_lock_goes_at_the_next_start(root: Path) -> None:
    root.mkdir()
    (root / "cut-off").mkdir()

    with private_directory("mine"):
        assert not (root / "cut-off").exists()


def test_a_directory_that_its_owner_removes_meanwhile_is_passed_over(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    leaving, is_dir = root / "leaving", Path.is_dir
    leaving.mkdir(parents=True)

    def seen_at_last(path: Path) -> bool:
        found = is_dir(path)
        if found and path == leaving:
            path.rmdir()
        return found

    monkeypatch.setattr(Path, "is_dir", seen_at_last)

    with private_directory("mine") as mine:
        assert not leaving.exists()
        assert mine.exists()


def test_a_root_that_is_a_link_to_elsewhere_is_refused(root: Path, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    root.symlink_to(tmp_path / "elsewhere")

    with pytest.raises(PermissionError, match="not this user's own"), private_directory("mine"):
        pytest.fail("the link was followed")


def test_a_free_port_can_be_bound_and_is_no_ephemeral_one() -> None:
    low = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])

    port = free_port()

    assert port < low
    with socket.socket() as server:
        server.bind(("127.0.0.1", port))


def test_waiting_returns_the_answer_and_names_what_did_not_come() -> None:
    answers = iter([0, 0, 7])

    assert wait_until(lambda: next(answers), every=0) == 7
    with pytest.raises(TimeoutError, match="a bus"):
        wait_until(lambda: False, within=0, what="a bus")


def test_waiting_for_what_is_asserted_ends_when_it_holds_or_with_what_is_wrong() -> None:
    answers = iter([0, 1, 7])

    def seven() -> None:
        answer = next(answers, 8)
        assert answer == 7, f"{answer} is not seven"

    until_true(seven, every=0)
    with pytest.raises(AssertionError, match="8 is not seven"):
        until_true(seven, within=0)


def test_a_port_is_served_by_the_process_that_listens_on_it_and_no_other() -> None:
    port = free_port()
    assert not is_served_by(os.getpid(), port)

    with socket.create_server(("127.0.0.1", port)):
        assert is_served_by(os.getpid(), port)
        assert not is_served_by(os.getppid(), port)
    assert not is_served_by(2**22, port)
