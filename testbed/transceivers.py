"""The memory of transceivers, byte by byte as their standards lay it out."""

import struct

from testbed.ethtool import SimulatedInterface

_LOW, _DIAGNOSTICS = 0x50, 0x51


def qsfp(
    *, celsius: float = 40.5, received: int = 10_000, flags: dict[int, int] | None = None
) -> SimulatedInterface:
    """Return an interface with an optical QSFP28 (SFF-8636); powers in steps of 0.1 µW."""
    lower = bytearray(128)
    lower[0] = 0x11
    struct.pack_into(">h", lower, 22, round(celsius * 256))
    struct.pack_into(">H", lower, 26, 33_000)
    struct.pack_into(">4H", lower, 34, *(received + lane for lane in range(4)))
    struct.pack_into(">4H", lower, 42, *(3_500,) * 4)
    struct.pack_into(">4H", lower, 50, *(12_000,) * 4)
    for at, value in (flags or {}).items():
        lower[at] = value
    upper = bytearray(128)
    _write(upper, 148 - 128, "MAKER", 16)
    _write(upper, 168 - 128, "QSFP-100G", 16)
    _write(upper, 196 - 128, "SERIAL1", 16)
    thresholds = bytearray(128)
    struct.pack_into(">h", thresholds, 0, 75 * 256)
    pages = {(_LOW, 0): bytes(upper), (_LOW, 3): bytes(thresholds)}
    return SimulatedInterface(lower=bytes(lower), pages=pages)


def copper_qsfp() -> SimulatedInterface:
    """Return an interface with a passive copper cable, which measures nothing."""
    made = qsfp()
    lower, upper = bytearray(128), bytearray(made.pages[_LOW, 0])
    lower[0], lower[2] = 0x11, 1 << 2
    upper[147 - 128] = 0xA0
    return SimulatedInterface(lower=bytes(lower), pages={(_LOW, 0): bytes(upper)})


def sfp(*, monitored: bool = True, status: int = 0, alarm: int = 0) -> SimulatedInterface:
    """Return an interface with an SFP28 (SFF-8472)."""
    lower = bytearray(128)
    lower[0], lower[92] = 0x03, 0x68 if monitored else 0
    _write(lower, 20, "MAKER", 16)
    _write(lower, 40, "SFP-25G", 16)
    _write(lower, 68, "SERIAL2", 16)
    monitors = bytearray(128)
    struct.pack_into(">h", monitors, 0, 90 * 256)
    struct.pack_into(">hHHHH", monitors, 96, -5 * 256, 32_900, 3_000, 5_000, 4_000)
    monitors[110], monitors[112] = status, alarm
    return SimulatedInterface(
        lower=bytes(lower),
        pages={(_LOW, 0): bytes(128), (_DIAGNOSTICS, 0): bytes(monitors)},
    )


def cmis(
    *, lanes: int = 4, celsius: float = 55.0, flags: dict[int, int] | None = None
) -> SimulatedInterface:
    """Return an interface with an OSFP (CMIS) of which so many lanes carry a data path."""
    lower = bytearray(128)
    lower[0], lower[1] = 0x19, 0x52
    struct.pack_into(">h", lower, 14, round(celsius * 256))
    struct.pack_into(">H", lower, 16, 33_000)
    upper = bytearray(128)
    _write(upper, 129 - 128, "MAKER", 16)
    _write(upper, 148 - 128, "OSFP-400G", 16)
    _write(upper, 166 - 128, "SERIAL3", 16)
    advertised = bytearray(128)
    advertised[159 - 128], advertised[160 - 128] = 0b11, 0b0000_1111
    thresholds = bytearray(128)
    struct.pack_into(">h", thresholds, 0, 80 * 256)
    path = _path(lanes)
    for at, value in (flags or {}).items():
        path[at - 128] = value
    pages = {0: upper, 1: advertised, 2: thresholds, 0x11: path}
    return SimulatedInterface(
        lower=bytes(lower), pages={(_LOW, page): bytes(half) for page, half in pages.items()}
    )


def _path(lanes: int) -> bytearray:
    path = bytearray(128)
    for lane in range(8):
        state = 4 if lane < lanes else 1
        path[lane // 2] |= state << (4 if lane % 2 else 0)
    struct.pack_into(">8H", path, 154 - 128, *(20_000,) * 8)
    struct.pack_into(">8H", path, 170 - 128, *(5_000,) * 8)
    struct.pack_into(">8H", path, 186 - 128, *(15_000,) * 8)
    return path


def _write(memory: bytearray, at: int, text: str, length: int) -> None:
    memory[at : at + length] = text.encode().ljust(length)
