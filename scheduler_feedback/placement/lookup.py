"""Finds the rows of thousands of names at once, in the bytes that they came in.

A dictionary would be asked for each name: 5,000 strings made and hashed, each look-up a miss of the
processor's cache, half a millisecond and more. Here a name is its first bytes and some more of
eight, each of which is read of all names at once; mixed they tell where the row stands.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Words = NDArray[np.uint64]
Ints = NDArray[np.int64]

UNKNOWN = -1
_WORD = 8
_BITS = 17
_SHIFT = np.uint64(29)
_QUOTE = ord('"')
_MOST_WORDS = 32
"""Names are at most 253 bytes long (RFC 1123)."""
_FACTORS = np.random.default_rng(20_251_101).integers(
    1, 1 << 63, size=_MOST_WORDS + 1, dtype=np.uint64
) | np.uint64(1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """The inside of a list of names as JSON has it, and where each name begins and ends in it."""

    inside: bytes
    begins: Ints
    ends: Ints

    def names(self, at: list[int]) -> list[bytes]:
        """Return some of the names, without quotes."""
        ends = zip(self.begins[at].tolist(), self.ends[at].tolist(), strict=True)
        return [self.inside[begin:end] for begin, end in ends]

    def without(self, dropped: list[int]) -> "Listed":
        """Return the list without some of its names, which are given in their order."""
        if not dropped:
            return self
        kept, began = [], 0
        ends = self.ends[dropped].tolist()
        for begin, end in zip(self.begins[dropped].tolist(), ends, strict=True):
            if begin - 1 > began:
                kept.append(self.inside[began : begin - 2])
            began = end + 2
        if began < len(self.inside):
            kept.append(self.inside[began:])
        mask = np.ones(len(self.begins), dtype=bool)
        mask[dropped] = False
        return _listed(b",".join(kept), (self.ends - self.begins)[mask])


def joined(names: Sequence[bytes]) -> Listed:
    """Return names that JSON has as they are as a list."""
    inside = b'"%b"' % b'","'.join(names) if names else b""
    return _listed(inside, np.array([len(name) for name in names], dtype=np.int64))


def split(inside: bytes) -> Listed | None:
    """Return the names in the inside of a list, were none of them escaped; None if that is none."""
    text = np.frombuffer(inside, dtype=np.uint8)
    commas = np.flatnonzero(text == ord(","))
    begins = np.concatenate(([0], commas + 1)) + 1
    ends = np.concatenate((commas, [len(inside)])) - 1
    if int((ends - begins).min()) < 0 or (text[begins - 1] != _QUOTE).any():
        return None
    quoted = not (text[ends] != _QUOTE).any()
    return Listed(inside=inside, begins=begins, ends=ends) if quoted else None


def _listed(inside: bytes, lengths: Ints) -> Listed:
    """Return the list whose names are so long, each between quotes, with a comma after it."""
    begins = np.cumsum(lengths + 3) - lengths - 2
    return Listed(inside=inside, begins=begins, ends=begins + lengths)


class Lookup:
    """The rows of names, by 64 bits of each; names of which two share a place are not in it."""

    def __init__(self, rows: Iterable[tuple[bytes, int]]) -> None:
        """Take names and their rows; names are such as JSON has them, without quotes."""
        known = [(name, row) for name, row in rows if len(name) >= _WORD]
        self._words = 1 + max((len(name) for name, _ in known), default=0) // _WORD
        self._place = np.zeros(1 << _BITS, dtype=np.int32)
        """Which of the names has a place, if any; small, so that it stays in the cache."""
        self._row = np.array([row for _, row in known], dtype=np.int64)
        if self._words > _MOST_WORDS or not known:
            self._words = 0
            return
        self._known = self._prints(joined([name for name, _ in known]))
        self._place[_places(self._known)] = np.arange(len(known))

    def find(self, listed: Listed) -> Ints:
        """Return the row of each name, UNKNOWN where it is not in it."""
        lengths = listed.ends - listed.begins
        if not self._words or len(lengths) == 0 or int(lengths.min()) < _WORD:
            return np.full(len(lengths), UNKNOWN, dtype=np.int64)
        prints = self._prints(listed)
        at = self._place[_places(prints)].astype(np.int64)  # indexes twice without a cast each
        return np.where(self._known[at] == prints, self._row[at], UNKNOWN)

    def _prints(self, listed: Listed) -> Words:
        """Return 64 bits of each name: its words, the last of which overlap, mixed."""
        inside, begins, ends = listed.inside, listed.begins, listed.ends
        every = np.ndarray((len(inside) - _WORD + 1,), dtype="<u8", buffer=inside, strides=(1,))
        last = ends - _WORD
        found: Words = (ends - begins).astype(np.uint64) * _FACTORS[0]
        for n in range(self._words):
            found ^= every[np.minimum(begins + _WORD * n, last)]
            found *= _FACTORS[n + 1]
            found ^= found >> _SHIFT
        return found


def _places(prints: Words) -> Ints:
    return (prints >> np.uint64(64 - _BITS)).astype(np.int64)
