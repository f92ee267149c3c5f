"""Writes the tree into a directory that may hold other people's work.

`.railwatch-manifest` lists what we wrote, with its SHA-256. A file is ours as long as it still has
that content: only such files are overwritten or removed. Everything is checked before anything is
written, each file appears whole or not at all, and a run that was cut off is completed by the
next: until it is done, the manifest vouches for the old content and the new.
"""

import contextlib
import hashlib
import itertools
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from program.errors import ProgramError

MANIFEST = ".railwatch-manifest"

_SHOWN = 5
"""How many files an error names before it only counts."""

Known = Mapping[str, frozenset[str]]
"""For each path the digests that we wrote there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """What a run has changed."""

    changed: int
    removed: int
    unchanged: int


def write(out: Path, files: Mapping[str, bytes]) -> Written:
    """Make the directory hold these files; ProgramError names what stands in the way."""
    try:
        return _write(out, files)
    except OSError as error:
        raise ProgramError(f"{error.filename or out}: {error.strerror}") from None


def _write(out: Path, files: Mapping[str, bytes]) -> Written:
    known = _read_manifest(out / MANIFEST)
    wanted = {path: _digest(content) for path, content in files.items()}
    found = {path: _found(out / path) for path in {*known, *wanted}}
    stale = {path for path in known if path not in wanted and found[path] is not None}
    _refuse_blocked(out, wanted)
    _refuse_others(out, found, known, files)
    changed = {path for path in wanted if found[path] != wanted[path]}
    out.mkdir(parents=True, exist_ok=True)
    if changed or stale:
        _write_manifest(out, _union(known, wanted))
        _replace(out, {path: files[path] for path in changed})
        for path in stale:
            _remove(out, path)
    _write_manifest(out, {path: frozenset({digest}) for path, digest in wanted.items()})
    return Written(changed=len(changed), removed=len(stale), unchanged=len(wanted) - len(changed))


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _found(path: Path) -> str | None:
    """Return the digest of what is there, None for nothing, and a word for what is no file."""
    if not os.path.lexists(path):
        return None
    return _digest(path.read_bytes()) if path.is_file() and not path.is_symlink() else "no file"


def _refuse_blocked(out: Path, paths: Iterable[str]) -> None:
    """Raise where a file, or a link that leads elsewhere, stands in the place of a directory."""
    parents = {out / parent for path in paths for parent in PurePosixPath(path).parents}
    within = out.resolve()
    for place in sorted(filter(os.path.lexists, parents)):
        if not (place.is_dir() and place.resolve().is_relative_to(within)):
            raise ProgramError(
                f"{place}: in the way, and no directory of {out}. "
                "Move it away or render elsewhere; nothing was written"
            )


def _refuse_others(
    out: Path, found: Mapping[str, str | None], known: Known, files: Mapping[str, bytes]
) -> None:
    """Raise where something is not as we wrote it, nor as we would write it."""
    wanted = {path: _digest(content) for path, content in files.items()}
    foreign: list[str] = []
    edited: list[str] = []
    for path, digest in sorted(found.items()):
        if digest is None or digest == wanted.get(path) or digest in known.get(path, ()):
            continue
        (edited if path in known else foreign).append(_place(out, path, files))
    if edited:
        raise ProgramError(
            f"{out}: changed by hand since they were rendered: {_named(edited)}. "
            "Put the changes into render.toml, or move the files away; nothing was written"
        )
    if foreign:
        raise ProgramError(
            f"{out}: in the way, and not rendered by us: {_named(foreign)}. "
            "Move them away or render elsewhere; nothing was written"
        )


def _place(out: Path, path: str, files: Mapping[str, bytes]) -> str:
    """Return a path with the first line that is not as we would write it."""
    if path not in files or (out / path).is_symlink() or not (out / path).is_file():
        return path
    there, ours = (out / path).read_bytes().split(b"\n"), files[path].split(b"\n")
    same = itertools.takewhile(lambda pair: pair[0] == pair[1], zip(there, ours, strict=False))
    return f"{path}:{sum(1 for _ in same) + 1}"


def _named(paths: list[str]) -> str:
    more = len(paths) - _SHOWN
    return ", ".join(paths[:_SHOWN]) + (f" and {more} more" if more > 0 else "")


def _union(known: Known, wanted: Mapping[str, str]) -> Known:
    return {
        path: known.get(path, frozenset()) | ({wanted[path]} if path in wanted else set())
        for path in {*known, *wanted}
    }


def _replace(out: Path, files: Mapping[str, bytes]) -> None:
    """Write every file beside its place first, so that a full disk is met before any change."""
    staged = {out / path: out / _beside(path) for path in sorted(files)}
    try:
        for path, content in sorted(files.items()):
            target = out / path
            target.parent.mkdir(parents=True, exist_ok=True)
            staged[target].write_bytes(content)
        for target, temporary in staged.items():
            temporary.replace(target)
    finally:
        for temporary in staged.values():
            temporary.unlink(missing_ok=True)


def _beside(path: str) -> PurePosixPath:
    """Return the same name each time, so that what a killed run left is used up by the next."""
    pure = PurePosixPath(path)
    return pure.with_name(f".{pure.name}.railwatch-new")


def _remove(out: Path, path: str) -> None:
    """Remove a file and the directories it leaves empty."""
    (out / path).unlink()
    for parent in PurePosixPath(path).parents[:-1]:
        with contextlib.suppress(OSError):
            (out / parent).rmdir()


def _write_manifest(out: Path, known: Known) -> None:
    lines = [f"{digest}  {path}\n" for path in sorted(known) for digest in sorted(known[path])]
    content = "".join(lines).encode()
    if _found(out / MANIFEST) != _digest(content):
        _replace(out, {MANIFEST: content})


def _read_manifest(path: Path) -> Known:
    if not path.exists():
        return {}
    known: dict[str, frozenset[str]] = {}
    for name, digest in _lines(path):
        known[name] = known.get(name, frozenset()) | {digest}
    return known


def _lines(path: Path) -> Iterator[tuple[str, str]]:
    """Yield path and digest of each line; a path that leads out of the tree is refused."""
    for number, line in enumerate(path.read_bytes().splitlines(), start=1):
        digest, _, name = line.decode(errors="replace").partition("  ")
        pure = PurePosixPath(name)
        if not name or pure.is_absolute() or ".." in pure.parts:
            raise ProgramError(
                f"{path}:{number}: not a line we wrote: put the manifest back as it was rendered"
            )
        yield name, digest
