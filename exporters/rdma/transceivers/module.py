"""A transceiver as its memory shows it, whatever standard that follows; in base units."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Protocol


class Eeprom(Protocol):
    """Reads a module's memory, of one page; `offset` counts from its lower half on."""

    def __call__(self, offset: int, length: int, /, *, page: int = 0, i2c: int = 0x50) -> bytes:
        """Return just so many bytes; a ReadingError where they cannot be read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lane:
    """One lane's light and laser; None for what is not measured."""

    number: int
    received_watts: float | None
    sent_watts: float | None
    bias_amperes: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Flag:
    """Something the module complains of."""

    name: str
    lane: int | None = None
    """None for the module as a whole."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Module:
    """What a module says; None for what it does not measure."""

    form: str
    vendor: str
    part: str
    serial: str
    temperature_celsius: float | None = None
    limit_celsius: float | None = None
    supply_volts: float | None = None
    lanes: tuple[Lane, ...] = ()
    flags: tuple[Flag, ...] | None = None


Decode = Callable[[Eeprom], Module]

_MICROAMPERES = 2e-6
_TENTH_MICROWATTS = 1e-7


def unsigned(memory: bytes, at: int) -> int:
    """Return two bytes as a number."""
    return int.from_bytes(memory[at : at + 2], "big")


def celsius(memory: bytes, at: int) -> float:
    """Return a temperature, which is signed, in steps of 1/256 °C."""
    return int.from_bytes(memory[at : at + 2], "big", signed=True) / 256


def volts(memory: bytes, at: int) -> float:
    """Return a voltage, in steps of 100 µV."""
    return unsigned(memory, at) * 1e-4


def watts(memory: bytes, at: int) -> float:
    """Return a power, in steps of 0.1 µW."""
    return unsigned(memory, at) * _TENTH_MICROWATTS


def amperes(memory: bytes, at: int, multiplier: int = 1) -> float:
    """Return a current, in steps of 2 µA."""
    return unsigned(memory, at) * _MICROAMPERES * multiplier


def text(memory: bytes, at: int, length: int) -> str:
    """Return a field of text; what cannot be printed becomes U+FFFD."""
    said = memory[at : at + length].decode("latin-1").strip(" \0")
    return "".join(c if c.isascii() and c.isprintable() else "\ufffd" for c in said)


def bits(value: int, names: tuple[str, ...]) -> Iterator[Flag]:
    """Yield a flag of the whole module for each bit that is set, from the lowest on."""
    for place, name in enumerate(names):
        if value >> place & 1:
            yield Flag(name=name)


def lanes(value: int, name: str, count: int = 8) -> Iterator[Flag]:
    """Yield a flag for each lane whose bit is set; lane 1 is the lowest bit."""
    for place in range(count):
        if value >> place & 1:
            yield Flag(name=name, lane=place + 1)
