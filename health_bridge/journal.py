"""The decision log: one JSON line for each cycle that decided or changed something.

A file begins with a line that holds everything; each later one holds what has changed since the
line before it, so that a fault among 5,000 nodes costs some KB and not 10 MB. A line is written by
one append, and what a full disk leaves of one is cut off again: the bridge goes on without it.
"""

import contextlib
import logging
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from catalog import bridge
from health_bridge.decision.decide import Decision
from health_bridge.moment import Moment, Picture, Settled, Told, flat, told

VERSION = 1

WRITTEN, FAILED = bridge.LOG_RESULTS

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One line: `full` ones begin anew, all others change what is there."""

    v: int
    at: float
    """When it was decided, Unix seconds."""
    full: bool
    set: dict[str, msgspec.Raw] = field(default_factory=dict)
    unset: tuple[str, ...] = ()


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Line).decode


class Journal:
    """Writes the log: at most `files` files of about `size` bytes each."""

    def __init__(
        self,
        path: Path,
        *,
        size: int,
        files: int,
        count: Callable[[str], None] = lambda _: None,
    ) -> None:
        """Go on with what is there; `count` takes what became of each line."""
        self._count = count
        self._path = path
        self._size = size
        self._files = files
        self._known: dict[str, int] = {}
        self._last: Mapping[str, tuple[Settled, ...]] | None = None
        self._fresh = True
        self.error: str | None = None
        """Why the last line could not be written, None where it was."""

    def note(self, moment: Moment, decision: Decision) -> None:
        """Write a line, unless nothing is done and all is as it was decided before."""
        outcome = told(decision)
        faults = {name: each.faults for name, each in outcome.items() if each.faults}
        if not decision.plans and faults == self._last:
            return
        try:
            self._write(moment, outcome)
        except (OSError, ValueError) as error:
            self._fail(error)
            return
        if self.error is not None:
            log.info("decisions logged again", extra={"file": self._path})
        self.error = None
        self._count(WRITTEN)
        self._last = faults

    def _fail(self, error: OSError | ValueError) -> None:
        """Say it once when it begins; a text that is no Unicode is the ValueError."""
        self._count(FAILED)
        if self.error is None:
            log.warning("decision not logged", extra={"file": self._path, "error": error})
        self.error = f"{self._path}: {error}"

    def _write(self, moment: Moment, outcome: Mapping[str, Told]) -> None:
        values = dict(flat(moment, outcome))
        marks = {key: hash(raw) for key, raw in values.items()}
        self._fresh |= not self._path.exists()  # somebody may take it away
        line = self._line(moment.sight.now, values, marks)
        if self._has_no_room_for(line):
            self._rotate()
            line = self._line(moment.sight.now, values, marks)
        self._append(line)
        self._known, self._fresh = marks, False

    def _line(self, at: float, values: Mapping[str, bytes], marks: Mapping[str, int]) -> bytes:
        known = {} if self._fresh else self._known
        line = Line(
            v=VERSION,
            at=at,
            full=self._fresh,
            set={k: msgspec.Raw(raw) for k, raw in values.items() if known.get(k) != marks[k]},
            unset=tuple(key for key in known if key not in values),
        )
        return _encode(line) + b"\n"

    def _has_no_room_for(self, line: bytes) -> bool:
        present = self._path.stat().st_size if self._path.exists() else 0
        return present > 0 and present + len(line) > self._size

    def _rotate(self) -> None:
        """Give each file the next number and let the last one go; the next line begins anew."""
        self._fresh = True
        for number in reversed(range(self._files)):
            with contextlib.suppress(FileNotFoundError):
                if number == self._files - 1:
                    numbered(self._path, number).unlink()
                else:
                    numbered(self._path, number).replace(numbered(self._path, number + 1))

    def _append(self, line: bytes) -> None:
        flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC
        file = os.open(self._path, flags, 0o640)
        try:
            before = os.fstat(file).st_size
            if before and os.pread(file, 1, before - 1) != b"\n":
                line = b"\n" + line  # a crash has cut the last one
            try:
                _write_all(file, line)
            except OSError:
                os.ftruncate(file, before)
                raise
        finally:
            os.close(file)


def _write_all(file: int, data: bytes) -> None:
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(file, rest) :]


def numbered(path: Path, number: int) -> Path:
    """Return the file that is so many rotations old."""
    return path.with_name(f"{path.name}.{number}") if number else path


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One line as it is read: what was known, and what was decided then."""

    moment: Moment
    outcome: Mapping[str, Told]


@dataclass(slots=True, kw_only=True)
class Reader:
    """Reads logs, oldest line first; `unread` counts lines that could not be."""

    paths: Sequence[Path]
    unread: int = 0
    newer: int = 0
    """Of those, lines of a version that this program does not know."""
    _picture: Picture = field(default_factory=Picture)

    def __iter__(self) -> Iterator[Entry]:
        """Yield each entry; OSError where a file cannot be read."""
        for path in self.paths:
            whole = False
            with path.open("rb") as lines:
                for raw in lines:
                    entry = self._read(raw, whole=whole)
                    whole = entry is not None
                    if entry is not None:
                        yield entry

    def _read(self, raw: bytes, *, whole: bool) -> Entry | None:
        """Return the entry of a line, None where it, or one that it builds on, cannot be read."""
        if not raw.strip():
            return None
        try:
            line = _decode(raw)
            if line.v != VERSION:
                self.newer += 1
                raise ValueError(f"version {line.v}")  # noqa: TRY301 - one way out for all
            return self._take(line, whole=whole)
        except (ValueError, TypeError, KeyError, RecursionError):
            self.unread += 1
            return None

    def _take(self, line: Line, *, whole: bool) -> Entry:
        if line.full:
            self._picture.clear()
        elif not whole:
            raise ValueError("the line before it is missing")
        for key in line.unset:
            self._picture.unset(key)
        for key, raw in line.set.items():
            self._picture.set(key, bytes(raw))
        return Entry(moment=self._picture.moment(line.at), outcome=self._picture.outcome)


def files_of(path: Path) -> list[Path]:
    """Return a log's files, the oldest first."""
    older: list[Path] = []
    while (each := numbered(path, len(older) + 1)).exists():
        older.append(each)
    return [*reversed(older), path]
