"""Runs the fabric tools of infiniband-diags: the only subprocesses that the exporter starts.

Each run has a deadline and a bound on what it may say, speaks the locale C, and dies with its
worker. A cap on the rate of management packets (MADs) holds between runs: the next begins only
when those of the ones before are paid for. Nothing here can clear a counter.
"""

import contextlib
import ctypes
import os
import selectors
import signal
import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from catalog.fabric import FAILED, GARBLED, OVERSIZE, TIMEOUT
from exporters.errors import Unreadable

IBNETDISCOVER, IBLINKINFO, PERFQUERY = "ibnetdiscover", "iblinkinfo", "perfquery"
TOOLS = (IBNETDISCOVER, IBLINKINFO, PERFQUERY)

MOST_OUTPUT = 64 << 20
"""Bytes; a fabric of 10,000 HCAs prints about 4 MiB."""

_MOST_COMPLAINTS = 64 << 10
_CHUNK = 1 << 16
_SHOWN = 200
_PR_SET_PDEATHSIG = 1


class ToolError(Unreadable):
    """A run that brought nothing; `reason` is of `catalog.fabric.TOOL_FAILURES`."""

    def __init__(self, tool: str, reason: str, words: str) -> None:
        """Name the tool, why in one word, and in full."""
        super().__init__(f"{tool}: {words}")
        self.tool = tool
        self.reason = reason


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """What a tool printed."""

    output: str
    complaints: str
    """Its standard error."""


class Budget:
    """How many MADs may be sent, on average a second."""

    def __init__(
        self,
        rate: float,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """Begin with nothing owed."""
        self._rate = rate
        self._clock = clock
        self._sleep = sleep
        self._free = 0.0
        self.spent = 0

    @property
    def wait(self) -> float:
        """Seconds until what was spent is paid for."""
        return max(0.0, self._free - self._clock())

    def pay(self) -> None:
        """Wait that long."""
        if (seconds := self.wait) > 0:
            self._sleep(seconds)

    def spend(self, mads: int) -> None:
        """Take that so many were sent."""
        self.spent += mads
        self._free = max(self._free, self._clock()) + mads / self._rate


@dataclass(frozen=True, slots=True, kw_only=True)
class Toolbox:
    """How tools are run: where their packets start, how long they may take."""

    deadline: float
    ca: str = ""
    """The HCA, and its port, through which the fabric is reached; empty: as the tools choose."""
    port: int = 0
    limit: int = MOST_OUTPUT

    def run(self, tool: str, *arguments: str | Path) -> Said:
        """Run one of TOOLS and return what it said.

        ToolError where it is not installed or ended in failure, or overran its deadline or said
        too much, and is dead then.
        """
        process = _start([tool, *self._way(), *map(str, arguments)])
        try:
            said = _read(process, tool, time.monotonic() + self.deadline, self.limit)
        finally:
            _end(process)
        if process.returncode != 0:
            words = _last_line(said.complaints) or _last_line(said.output) or "no word"
            raise ToolError(tool, FAILED, f"ended with {process.returncode}: {words}")
        return said

    def _way(self) -> list[str]:
        ca = ["-C", self.ca] if self.ca else []
        return [*ca, *(("-P", str(self.port)) if self.port else ())]


def garbled(tool: str, words: str) -> ToolError:
    """Return the error for output that makes no sense."""
    return ToolError(tool, GARBLED, words)


def _start(command: Sequence[str]) -> "subprocess.Popen[bytes]":
    environment = {**os.environ, "LC_ALL": "C", "LANG": "C"}
    try:
        return subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=environment,
            start_new_session=True,
            preexec_fn=_die_with_parent,  # noqa: PLW1509 - a worker has one thread only
        )
    except FileNotFoundError:
        raise ToolError(command[0], FAILED, "is not installed (package infiniband-diags)") from None
    except OSError as error:
        raise ToolError(command[0], FAILED, f"cannot be started: {error.strerror}") from None


def _die_with_parent() -> None:
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def _read(process: "subprocess.Popen[bytes]", tool: str, deadline: float, limit: int) -> Said:
    """Read both streams to their end, then wait for the process; ToolError as `run` says."""
    output, complaints = bytearray(), bytearray()
    with selectors.DefaultSelector() as selector:
        for stream, into in ((process.stdout, output), (process.stderr, complaints)):
            assert stream is not None, "both streams are pipes"
            selector.register(stream, selectors.EVENT_READ, into)
        while selector.get_map():
            ready = selector.select(max(0.0, deadline - time.monotonic()))
            if not ready or time.monotonic() > deadline:
                raise ToolError(tool, TIMEOUT, "no answer in time")
            for key, _ in ready:
                _take(selector, key)
            if len(output) > limit:
                raise ToolError(tool, OVERSIZE, f"said more than {limit} bytes")
            del complaints[_MOST_COMPLAINTS:]
    try:
        process.wait(max(0.0, deadline - time.monotonic()))
    except subprocess.TimeoutExpired:
        raise ToolError(tool, TIMEOUT, "did not end in time") from None
    return Said(
        output=output.decode(errors="replace"), complaints=complaints.decode(errors="replace")
    )


def _take(selector: selectors.BaseSelector, key: selectors.SelectorKey) -> None:
    if chunk := os.read(key.fd, _CHUNK):
        key.data.extend(chunk)
    else:
        selector.unregister(key.fileobj)


def _end(process: "subprocess.Popen[bytes]") -> None:
    """Kill what still runs, with whatever it started, and reap it."""
    if process.returncode is None:  # not reaped, so that its number is nobody else's
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    for stream in (process.stdout, process.stderr):
        if stream is not None:
            stream.close()


def _last_line(text: str) -> str:
    return text.strip().rpartition("\n")[2][:_SHOWN]
