"""QSFP+, QSFP28 and QSFP56: SFF-8636 revision 2.11."""

from collections.abc import Iterator

from exporters.errors import ReadingError
from exporters.rdma.transceivers.module import (
    Eeprom,
    Flag,
    Lane,
    Module,
    amperes,
    bits,
    celsius,
    lanes,
    text,
    volts,
    watts,
)

_LANES = 4
_PAGE = 256
_FLAT = 1 << 2
_THRESHOLDS = 0x03
_COPPER = 0xA
"""Transmitter technologies from here on are copper cables."""

_LATCHED = (
    # byte, flag of the high half, flag of the low half; lane 1 is the lowest bit
    (3, "transmit_loss_of_signal", "receive_loss_of_signal"),
    (4, "transmit_equaliser_fault", "transmit_fault"),
    (5, "transmit_loss_of_lock", "receive_loss_of_lock"),
)
_LEVELS = ("low_warning", "high_warning", "low_alarm", "high_alarm")
_BY_LANE = ((9, "receive_power"), (11, "bias"), (13, "transmit_power"))


def decode(read: Eeprom) -> Module:
    """Return what a QSFP says."""
    memory = read(0, _PAGE // 2) + read(_PAGE // 2, _PAGE // 2)
    copper = memory[147] >> 4 >= _COPPER
    measures = celsius(memory, 22) != 0 or volts(memory, 26) != 0
    return Module(
        form="qsfp",
        vendor=text(memory, 148, 16),
        part=text(memory, 168, 16),
        serial=text(memory, 196, 16),
        temperature_celsius=celsius(memory, 22) if measures else None,
        limit_celsius=_limit(read) if measures and not memory[2] & _FLAT else None,
        supply_volts=volts(memory, 26) if measures else None,
        lanes=() if copper else tuple(_lane(memory, number) for number in range(_LANES)),
        flags=tuple(_flags(memory, copper=copper)) if measures else None,
    )


def _limit(read: Eeprom) -> float | None:
    """Return where the temperature's alarm begins, None where the page cannot be read."""
    try:
        return celsius(read(_PAGE // 2, 2, page=_THRESHOLDS), 0)
    except ReadingError:
        return None


def _lane(memory: bytes, place: int) -> Lane:
    return Lane(
        number=place + 1,
        received_watts=watts(memory, 34 + 2 * place),
        sent_watts=watts(memory, 50 + 2 * place),
        bias_amperes=amperes(memory, 42 + 2 * place),
    )


def _flags(memory: bytes, *, copper: bool) -> Iterator[Flag]:
    for at, name in ((6, "temperature"), (7, "voltage")):
        yield from bits(memory[at] >> 4, tuple(f"{name}_{level}" for level in _LEVELS))
    if copper:
        return
    for at, high, low in _LATCHED:
        yield from lanes(memory[at] >> 4, high, _LANES)
        yield from lanes(memory[at], low, _LANES)
    for at, name in _BY_LANE:
        for place in range(_LANES):
            byte = memory[at + place // 2]
            half = byte if place % 2 else byte >> 4
            for flag in bits(half & 0xF, tuple(f"{name}_{level}" for level in _LEVELS)):
                yield Flag(name=flag.name, lane=place + 1)
