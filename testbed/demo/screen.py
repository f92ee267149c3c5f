"""What the demo shows: a line as each hop happens, a live clock while one is awaited.

`PATIENCE=5` in the environment gives every hop five times as long, for a machine that does much
else.
"""

import os
import shutil
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from program.errors import UsageError

POLL_S = 0.1
_PATIENCE = "PATIENCE"


class HopMissing(Exception):  # noqa: N818 - it is what did not happen
    """A hop did not happen in time; the message names it and what was seen instead."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hop:
    """One hop that happened: `at` seconds after its act began, `took` after the hop before."""

    act: str
    name: str
    seen: str
    at: float
    took: float


def asked_patience() -> float:
    """Return how many times as long as usual a hop may take; UsageError: that is no number."""
    said = os.environ.get(_PATIENCE, "1")
    try:
        return float(said)
    except ValueError:
        raise UsageError(f"{_PATIENCE}={said}: must be a number, as in {_PATIENCE}=5") from None


@dataclass(slots=True)
class Screen:
    """Prints acts and hops, and remembers them for the table at the end."""

    hops: list[Hop] = field(default_factory=list)
    patience: float = field(default_factory=asked_patience)
    """By how much more time is given than is asked for."""
    _act: str = ""
    _began: float = 0.0
    _last: float = 0.0

    def act(self, title: str) -> None:
        """Begin an act: the clock starts at zero."""
        self._act, self._began, self._last = title, time.monotonic(), 0.0
        self._write(f"\n{title}\n")

    def note(self, text: str) -> None:
        """Say something that is no hop."""
        self._write(f"  {text}\n")

    def wait_for(self, name: str, look: Callable[[], str | None], within: float) -> str:
        """Poll `look` until it says what it saw, and show that; HopMissing when time is up."""
        within *= self.patience
        deadline = time.monotonic() + within
        while True:
            seen = look()
            now = time.monotonic()
            if seen is not None:
                self._arrived(name, seen, now - self._began)
                return seen
            if now > deadline:
                self._clear()
                raise HopMissing(f"{self._act}: {name!r} did not happen within {within:.0f} s")
            self._waiting(name, now - self._began)
            time.sleep(POLL_S)

    def table(self) -> None:
        """Print every hop with the seconds it took."""
        width = max(len(hop.name) for hop in self.hops)
        act = ""
        for hop in self.hops:
            if hop.act != act:
                act = hop.act
                self._write(f"\n{act}\n  {'hop':<{width}}   took       at\n")
            self._write(f"  {hop.name:<{width}} {hop.took:5.1f} s  {hop.at:5.1f} s\n")

    def elapsed(self, act: str) -> float:
        """Seconds from the beginning of an act to its last hop."""
        return max(hop.at for hop in self.hops if hop.act == act)

    def _arrived(self, name: str, seen: str, at: float) -> None:
        self.hops.append(Hop(act=self._act, name=name, seen=seen, at=at, took=at - self._last))
        self._last = at
        self._clear()
        self._write(f"  {at:5.1f} s  {name:<28} {seen}\n")

    def _waiting(self, name: str, at: float) -> None:
        if sys.stdout.isatty():
            width = shutil.get_terminal_size().columns - 1
            self._write(f"\r{f'  {at:5.1f} s  … {name}':<{width}.{width}}")

    def _clear(self) -> None:
        if sys.stdout.isatty():
            self._write("\r\033[K")

    def _write(self, text: str) -> None:
        sys.stdout.write(text)
        sys.stdout.flush()
