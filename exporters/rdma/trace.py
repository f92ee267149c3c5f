"""What a reading looked at, and whether all of that says what it said."""

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import repeat
from typing import Generic, TypeVar

F = TypeVar("F")

SHORT = 64
"""Bytes: what a counter, a state or a name takes less than."""


def say(descriptors: Sequence[int]) -> list[bytes]:
    """Return how open files begin; OSError where one cannot be read."""
    return list(map(os.pread, descriptors, repeat(SHORT), repeat(0)))


@dataclass(slots=True)
class Trace(Generic[F]):
    """The folders and open files that a reading looked at."""

    folders: list[F] = field(default_factory=list)
    descriptors: list[int] = field(default_factory=list)
    said: list[bytes] = field(default_factory=list)
    sure: bool = True
    """Whether it looked at nothing else."""

    def take(self, descriptor: int, said: bytes) -> None:
        """Take what an open file said."""
        self.descriptors.append(descriptor)
        self.said.append(said)
        self.sure = self.sure and len(said) < SHORT
