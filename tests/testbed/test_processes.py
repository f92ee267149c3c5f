"""Processes end with us, whatever ends us."""

import os
import signal
import subprocess
import sys
import threading
from contextlib import suppress
from pathlib import Path

import pytest

from testbed.processes import _LAUNCH, Process, ProcessError
from testbed.waiting import PATIENCE, wait_until

SLEEP = "import time; time.sleep(60)"
STUBBORN = """
import signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
print("deaf", flush=True)
time.sleep(60)
"""
WITH_CHILD = """
import subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
print(child.pid, flush=True)
time.sleep(60)
"""
OWNER = f"""
import signal, sys, time
from testbed.processes import Process
signal.signal(signal.SIGINT, signal.default_int_handler)  # a job in the background ignores it
with Process([sys.executable, "-c", {SLEEP!r}]) as process:
    print(process.pid, flush=True)
    time.sleep(60)
"""


def python(code: str, **env: str) -> Process:
    return Process([sys.executable, "-c", code], name="sleeper", env=env)


def is_alive(pid: int) -> bool:
    return state(pid) not in ("", "Z")


def state(pid: int) -> str:
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):  # the latter: it went while we read
        return ""
    return stat.rpartition(")")[2].split()[0]


def test_a_process_ends_by_itself_with_its_code_and_its_words_in_the_log() -> None:
    with python("import sys; print('said', flush=True); sys.exit('complained')") as process:
        code = process.wait()

        assert code == 1
        assert process.tail() == "said\ncomplained"


def test_a_process_sees_our_environment_with_its_own_laid_over(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("OURS", "kept")
    monkeypatch.setenv("BOTH", "old")

    with python("import os; print(os.environ['OURS'], os.environ['BOTH'])", BOTH="new") as process:
        process.wait()

        assert process.tail() == "kept new"


def test_a_process_and_its_log_are_gone_after_the_block() -> None:
    with python(SLEEP) as process:
        pid, log = process.pid, process.log
        assert is_alive(pid)

    assert not is_alive(pid)
    assert not log.exists()


def test_a_log_that_was_asked_for_stays(tmp_path: Path) -> None:
    log = tmp_path / "logs" / "said.log"

    with Process([sys.executable, "-c", "print('said')"], log=log) as process:
        process.wait()

    assert log.read_text() == "said\n"


def test_a_process_is_gone_after_a_failure_in_the_block() -> None:
    with suppress(RuntimeError), python(SLEEP) as process:
        pid = process.pid
        raise RuntimeError

    assert not is_alive(pid)


def test_a_process_that_ignores_sigterm_is_killed() -> None:
    with python(STUBBORN) as process:
        wait_until(lambda: process.tail() == "deaf", what="the signal is ignored")

        assert process.stop(timeout=0.2) == -signal.SIGKILL


def test_stopping_a_frozen_process_does_not_wait_for_it() -> None:
    with python(SLEEP) as process:
        process.pause()
        wait_until(lambda: state(process.pid) == "T", what="frozen")

        assert process.stop() == -signal.SIGTERM


def test_a_resumed_process_goes_on() -> None:
    with python(SLEEP) as process:
        process.pause()
        wait_until(lambda: state(process.pid) == "T", what="frozen")
        process.resume()

        wait_until(lambda: state(process.pid) == "S", what="asleep as before")


def test_stopping_takes_the_children_along() -> None:
    with python(WITH_CHILD) as process:
        wait_until(lambda: process.tail().isdecimal(), what="the child's pid")
        child = int(process.tail())
        assert is_alive(child)

    wait_until(lambda: not is_alive(child), what="the child is gone")


def test_a_stopped_process_starts_again_and_goes_on_in_its_log() -> None:
    with python("print('once')") as process:
        process.wait()
        process.stop()
        process.start()
        process.wait()

        assert process.tail() == "once\nonce"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_a_process_dies_with_its_owner(number: signal.Signals) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", OWNER],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as owner:
        assert owner.stdout is not None
        pid = int(owner.stdout.readline())
        assert is_alive(pid)

        owner.send_signal(number)
        owner.wait(timeout=PATIENCE)

    wait_until(lambda: not is_alive(pid), what="the process is gone")


def test_a_process_outlives_the_thread_that_asked_for_it() -> None:
    process = python(SLEEP)
    asking = threading.Thread(target=process.__enter__)
    asking.start()
    asking.join()

    with pytest.raises(ProcessError, match="did not end within"):
        process.wait(timeout=0.3)
    process.__exit__(None, None, None)


def test_a_program_is_not_begun_when_its_owner_is_dead_already() -> None:
    dead_owner = str(2**22)

    launched = subprocess.run(
        [sys.executable, "-ISc", _LAUNCH, dead_owner, sys.executable, "-c", "print('ran')"],
        capture_output=True,
        check=False,
    )

    assert (launched.returncode, launched.stdout) == (1, b"")


def test_a_forked_child_starts_processes_of_its_own() -> None:
    code = """
import os, sys
from testbed.processes import Process
with Process([sys.executable, "-c", "pass"]) as ours:
    ours.wait()
child = os.fork()
if child == 0:
    with Process([sys.executable, "-c", "pass"]) as theirs:
        os._exit(theirs.wait())
sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""

    ended = subprocess.run([sys.executable, "-c", code], timeout=2 * PATIENCE, check=False)

    assert ended.returncode == 0


def test_one_that_ends_before_it_is_ready_shows_the_end_of_its_log() -> None:
    code = "print(*range(100), sep='\\n'); raise SystemExit(3)"

    with python(code) as process, pytest.raises(ProcessError) as failed:
        process.await_ready(lambda: False)

    lines = str(failed.value).splitlines()
    assert lines[0] == "sleeper ended with exit code 3 before it was ready; the end of its log:"
    assert lines[1:] == [str(number) for number in range(80, 100)]


def test_one_that_is_never_ready_is_not_waited_for_forever() -> None:
    with python(SLEEP) as process, pytest.raises(ProcessError, match=r"not ready within 0\.2 s"):
        process.await_ready(lambda: False, within=0.2)


def test_a_program_that_is_not_there_is_named() -> None:
    with Process(["no-such-program"]) as process, pytest.raises(ProcessError) as failed:
        process.await_ready(lambda: False)

    assert "no-such-program: No such file or directory" in str(failed.value)


def test_no_pid_is_waited_for_after_the_end() -> None:
    with python(SLEEP) as process:
        pid = process.pid

    with pytest.raises(ChildProcessError):
        os.waitpid(pid, os.WNOHANG)
