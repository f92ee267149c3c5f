"""Finds the line of a key in a TOML file, for errors; tomllib tells no places.

Only headers and assignments are looked at. A key inside an inline table is found by the line of
the table, one that only longer headers name by the first of them, and one that is not there by the
nearest table around it.
"""

import re
from collections.abc import Iterator

_PART = r"""(?:[\w-]+|"[^"]*"|'[^']*')"""
_KEY = rf"{_PART}(?:\s*\.\s*{_PART})*"
_HEADER = re.compile(rf"\s*\[\[?\s*({_KEY})\s*\]\]?\s*(?:#.*)?")
_ASSIGNMENT = re.compile(rf"\s*({_KEY})\s*=")
_INDEX = re.compile(r"\[\d+\]")

Path = tuple[str, ...]


def line_of(text: str, key: str) -> int | None:
    """Return the line, from 1, of a dotted key such as `alerts.X.thresholds.times[0]`."""
    wanted = _INDEX.sub("", key) + "."
    found = []
    for number, path in _keys(text):
        there = "".join(f"{part}." for part in path)
        if wanted.startswith(there) or there.startswith(wanted):
            found.append((min(len(there), len(wanted)), -number))
    return -max(found)[1] if found else None


def _keys(text: str) -> Iterator[tuple[int, Path]]:
    """Yield each line that names a key, with the whole path of it."""
    table: Path = ()
    for number, line in enumerate(text.splitlines(), start=1):
        if header := _HEADER.fullmatch(line):
            table = _path(header[1])
            yield number, table
        elif assignment := _ASSIGNMENT.match(line):
            yield number, table + _path(assignment[1])


def _path(key: str) -> Path:
    return tuple(part.strip("\"'") for part in re.findall(_PART, key))
