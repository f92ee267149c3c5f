"""Processes that end with us: after success, failure, Ctrl-C, SIGTERM, even SIGKILL.

Each runs in a session of its own, so that a terminal's Ctrl-C reaches us and not it, and asks
the kernel for SIGKILL at our death. The kernel means the death of the *thread* that spawned it:
all are spawned from one thread, which lasts as long as this program.
"""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import ExitStack
from functools import cache
from pathlib import Path
from types import TracebackType
from typing import Self

from program.errors import ProgramError
from testbed.directories import private_directory
from testbed.waiting import PATIENCE

_LAUNCH = """
import ctypes, os, signal, sys
PR_SET_PDEATHSIG = 1
ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
if os.getppid() != int(sys.argv[1]):
    os._exit(1)
try:
    os.execvp(sys.argv[2], sys.argv[2:])
except OSError as error:
    sys.exit(f"{sys.argv[2]}: {error.strerror}")
"""
"""Becomes the program, unless the parent died before it could be bound to the parent's death."""

_TAIL_LINES = 20
_TAIL_BYTES = 16_384


class ProcessError(ProgramError):
    """A process did not do what it was started for; the message ends with the end of its log."""


@cache
def _spawner(_pid: int) -> ThreadPoolExecutor:
    """Return the one lasting thread that spawns; a forked child needs one of its own."""
    return ThreadPoolExecutor(max_workers=1, thread_name_prefix="spawner")


class Process:
    """A program that runs from `with` to its end, or from start() to stop() and again."""

    def __init__(
        self,
        argv: Sequence[str | Path],
        *,
        name: str = "",
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
        log: Path | None = None,
    ) -> None:
        """Prepare a process.

        `env` is laid over our own environment. Both outputs go to `log`, by default a file that
        is removed at the end.
        """
        self.argv = [str(part) for part in argv]
        self.name = name or Path(self.argv[0]).name
        self._env = dict(env or {})
        self._cwd = cwd
        self._log = log
        self._popen: subprocess.Popen[bytes] | None = None
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            if self._log is None:
                self._log = stack.enter_context(private_directory(self.name)) / f"{self.name}.log"
            self._log.parent.mkdir(parents=True, exist_ok=True)
            self._log.unlink(missing_ok=True)
            stack.callback(self.stop)
            self.start()
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._stack.close()

    @property
    def log(self) -> Path:
        """The file that both outputs go to."""
        assert self._log is not None, f"{self.name} was never started"
        return self._log

    @property
    def pid(self) -> int:
        """The process id; it stays the process' own until stop()."""
        assert self._popen is not None, f"{self.name} is not started"
        return self._popen.pid

    @property
    def running(self) -> bool:
        """Whether it was started and has not ended; a stopped (SIGSTOP) one is running."""
        return self._popen is not None and self._ended() is None

    def start(self) -> None:
        """Start it, appending to the log; it must not be running."""
        assert self._popen is None, f"{self.name} is already started"
        spawned = _spawner(os.getpid()).submit(self._spawn)
        try:
            spawned.result()
        except BaseException:
            wait([spawned])
            self.stop()
            raise

    def _spawn(self) -> None:
        with self.log.open("ab") as log:
            self._popen = subprocess.Popen(
                [sys.executable, "-ISc", _LAUNCH, str(os.getpid()), *self.argv],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env={**os.environ, **self._env},
                cwd=self._cwd,
                start_new_session=True,
            )

    def stop(self, timeout: float = PATIENCE) -> int | None:
        """End it by SIGTERM, by SIGKILL after `timeout` seconds, with all of its process group.

        Returns the exit code (minus the signal that ended it), None where it was not started.
        """
        if self.running:
            self.signal(signal.SIGTERM)
            self.signal(signal.SIGCONT)
            self._await_end(timeout)
        return self.kill()

    def kill(self) -> int | None:
        """End it and its process group by SIGKILL, now, as a crash would."""
        if self._popen is None:
            return None
        os.killpg(self._popen.pid, signal.SIGKILL)  # not reaped yet: the group is surely ours
        code = self._popen.wait()
        self._popen = None
        return code

    def wait(self, timeout: float = PATIENCE) -> int:
        """Return the exit code once it has ended by itself; ProcessError where it does not."""
        code = self._await_end(timeout)
        if code is None:
            raise self.failure(f"did not end within {timeout:g} s")
        return code

    def signal(self, number: int) -> None:
        """Send it a signal; one that has ended does not mind."""
        os.kill(self.pid, number)

    def pause(self) -> None:
        """Freeze it (SIGSTOP), to its last thread: it keeps its ports and answers nobody."""
        os.killpg(self.pid, signal.SIGSTOP)
        os.waitid(os.P_PID, self.pid, os.WSTOPPED | os.WEXITED | os.WNOWAIT)

    def resume(self) -> None:
        """Let it go on (SIGCONT)."""
        os.killpg(self.pid, signal.SIGCONT)

    def await_ready(self, ready: Callable[[], bool], *, within: float = PATIENCE) -> None:
        """Return once `ready` is true; ProcessError where the process ends first, or too late."""
        deadline = time.monotonic() + within
        while not ready():
            code = self._ended()
            if code is not None:
                raise self.failure(f"ended with exit code {code} before it was ready")
            if time.monotonic() > deadline:
                raise self.failure(f"was not ready within {within:g} s")
            time.sleep(0.05)

    def failure(self, what: str) -> ProcessError:
        """Return an error that says what went wrong, with the end of the log."""
        return ProcessError(f"{self.name} {what}; the end of its log:\n{self.tail()}")

    def tail(self, lines: int = _TAIL_LINES) -> str:
        """Return the last lines of the log."""
        with self.log.open("rb") as log:
            log.seek(max(0, self.log.stat().st_size - _TAIL_BYTES))
            text = log.read().decode("utf-8", "replace")
        return "\n".join(text.splitlines()[-lines:]) or "(empty)"

    def _ended(self) -> int | None:
        """Return the exit code of an ended process, leaving it to be reaped by kill()."""
        found = os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT)
        if found is None:
            return None
        return found.si_status if found.si_code == os.CLD_EXITED else -found.si_status

    def _await_end(self, timeout: float) -> int | None:
        deadline = time.monotonic() + timeout
        while (code := self._ended()) is None and time.monotonic() < deadline:
            time.sleep(0.01)
        return code
