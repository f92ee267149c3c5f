"""QSFP-DD, OSFP, QSFP112 and their kin: CMIS revision 5.2."""

from collections.abc import Iterator

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

_HALF = 128
_FLAT = 1 << 7
_ADVERTISED, _THRESHOLDS, _LANES_PAGE = 0x01, 0x02, 0x11
_LANES = 8
_SET_UP = 2
"""Data path states from here on belong to a data path that is in use; 1 is deactivated."""

_BIAS_SCALES = {0: 1, 1: 2, 2: 4}
"""By what the monitors' advertisement says; 3 is reserved."""

_WHOLE = (
    "temperature_high_alarm", "temperature_low_alarm", "temperature_high_warning",
    "temperature_low_warning", "voltage_high_alarm", "voltage_low_alarm", "voltage_high_warning",
    "voltage_low_warning",
)  # fmt: skip
_BY_LANE = (
    (135, "transmit_fault"),
    (136, "transmit_loss_of_signal"),
    (137, "transmit_loss_of_lock"),
    (138, "transmit_equaliser_fault"),
    (139, "transmit_power_high_alarm"),
    (140, "transmit_power_low_alarm"),
    (141, "transmit_power_high_warning"),
    (142, "transmit_power_low_warning"),
    (143, "bias_high_alarm"),
    (144, "bias_low_alarm"),
    (145, "bias_high_warning"),
    (146, "bias_low_warning"),
    (147, "receive_loss_of_signal"),
    (148, "receive_loss_of_lock"),
    (149, "receive_power_high_alarm"),
    (150, "receive_power_low_alarm"),
    (151, "receive_power_high_warning"),
    (152, "receive_power_low_warning"),
)


def decode(read: Eeprom) -> Module:
    """Return what a CMIS module says; one with flat memory, as passive copper, measures nothing."""
    lower, upper = read(0, _HALF), read(_HALF, _HALF)
    memory = lower + upper
    who = Module(
        form="cmis",
        vendor=text(memory, 129, 16),
        part=text(memory, 148, 16),
        serial=text(memory, 166, 16),
    )
    return who if memory[2] & _FLAT else _monitored(who, memory, read)


def _monitored(who: Module, memory: bytes, read: Eeprom) -> Module:
    advertised = _page(read, _ADVERTISED)
    thresholds = _page(read, _THRESHOLDS)
    path = _page(read, _LANES_PAGE)
    used = [place for place in range(_LANES) if _state(path, place) >= _SET_UP]
    whole = advertised[159]
    return Module(
        form=who.form,
        vendor=who.vendor,
        part=who.part,
        serial=who.serial,
        temperature_celsius=celsius(memory, 14) if whole & 1 else None,
        limit_celsius=celsius(thresholds, 128) if whole & 1 else None,
        supply_volts=volts(memory, 16) if whole & 2 else None,
        lanes=tuple(_lane(path, place, advertised[160]) for place in used),
        flags=tuple(_flags(memory, path, used)),
    )


def _page(read: Eeprom, page: int) -> bytes:
    """Return a page, its offsets counted from the lower half on as the standard does."""
    return bytes(_HALF) + read(_HALF, _HALF, page=page)


def _state(path: bytes, place: int) -> int:
    byte = path[128 + place // 2]
    return byte >> 4 if place % 2 else byte & 0xF


def _lane(path: bytes, place: int, measured: int) -> Lane:
    scale = _BIAS_SCALES.get(measured >> 3 & 3)
    return Lane(
        number=place + 1,
        received_watts=watts(path, 186 + 2 * place) if measured & 4 else None,
        sent_watts=watts(path, 154 + 2 * place) if measured & 2 else None,
        bias_amperes=amperes(path, 170 + 2 * place, scale) if scale and measured & 1 else None,
    )


def _flags(memory: bytes, path: bytes, used: list[int]) -> Iterator[Flag]:
    yield from bits(memory[9], _WHOLE)
    mask = sum(1 << place for place in used)
    for at, name in _BY_LANE:
        yield from lanes(path[at] & mask, name)
