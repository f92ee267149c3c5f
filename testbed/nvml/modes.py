"""What a broken card, driver or cable may say: changes to the record of a GPU in a control file."""

import ctypes
import random
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

from testbed.nvml.layout import Gpu

_KEPT = ("rules", "pci_domain", "pci_bus", "pci_device", "minor", "lost", "energy_at")
"""Where the card is and how it is steered."""

_WIDE = (0, 1, 2, 101, 2**31 - 1, 2**31, 2**32 - 2, 2**32 - 1, 2**32, 2**53 + 1, 2**63 - 1, -2)
_ODD = (float("nan"), float("inf"), float("-inf"), -0.5, 100.6, 1e308, 5e-324)

_UNKNOWN = 1717
"""No enumeration of NVML's has it."""

_ENUMERATIONS = ("_mode", "_state", ".state", ".status", "recovery_action", "fabric_status")


@dataclass(frozen=True, slots=True, kw_only=True)
class Leaf:
    """One number or text in the record of a GPU: `migs.2.uuid`."""

    name: str
    offset: int
    kind: type[ctypes.c_int64 | ctypes.c_double | ctypes.c_char]
    size: int

    def write(self, gpu: Gpu, value: float | bytes) -> None:
        """Put a value in its place; a text is cut where there is no more room, without an end."""
        if isinstance(value, bytes):
            text = (ctypes.c_char * self.size).from_buffer(gpu, self.offset)
            text.raw = value.ljust(self.size, b"\0")[: self.size]
        else:
            self.kind.from_buffer(gpu, self.offset).value = value


@cache
def leaves() -> tuple[Leaf, ...]:
    """Return every number and text that a GPU tells, except where it is."""
    return tuple(_leaves(Gpu, "", 0))


def _leaves(kind: type[ctypes.Structure], path: str, offset: int) -> Iterator[Leaf]:
    for name, type_, *_ in kind._fields_:
        if name not in _KEPT:
            yield from _member(type_, f"{path}{name}", offset + getattr(kind, name).offset)


def _member(kind: Any, name: str, offset: int) -> Iterator[Leaf]:
    if issubclass(kind, ctypes.Structure):
        yield from _leaves(kind, f"{name}.", offset)
    elif issubclass(kind, ctypes.Array) and kind._type_ is not ctypes.c_char:
        for place in range(kind._length_):
            start = offset + place * ctypes.sizeof(kind._type_)
            yield from _member(kind._type_, f"{name}.{place}", start)
    else:
        yield Leaf(
            name=name,
            offset=offset,
            kind=getattr(kind, "_type_", kind) if issubclass(kind, ctypes.Array) else kind,
            size=ctypes.sizeof(kind),
        )


def nonsense(gpu: Gpu, seed: int = 0) -> None:
    """Let every number be one that no healthy card gives: too wide, marks, not a number."""
    chance = random.Random(seed)
    for leaf in leaves():
        if leaf.kind is not ctypes.c_char:
            leaf.write(gpu, chance.choice(_ODD if leaf.kind is ctypes.c_double else _WIDE))


def unknown(gpu: Gpu) -> None:
    """Let every enumeration have a value that is newer than the header."""
    for leaf in leaves():
        if leaf.name.endswith(_ENUMERATIONS):
            leaf.write(gpu, _UNKNOWN)


def garble(gpu: Gpu, text: bytes = b'\xff\xfe\xc3(\n"\\\x01' * 16) -> None:
    """Let every text be bytes that are no UTF-8, and cut where there is no more room."""
    for leaf in leaves():
        if leaf.kind is ctypes.c_char:
            leaf.write(gpu, text)
