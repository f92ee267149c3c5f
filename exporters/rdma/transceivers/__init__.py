"""What the memory of a transceiver says, one standard a file."""

from exporters.errors import Absent
from exporters.rdma.transceivers import cmis, sff8472, sff8636
from exporters.rdma.transceivers.module import Decode, Eeprom, Module

_STANDARDS: dict[int, Decode] = {
    # SFF-8024, table 4-1: identifier values
    0x03: sff8472.decode,
    **dict.fromkeys((0x0C, 0x0D, 0x11), sff8636.decode),
    **dict.fromkeys((0x18, 0x19, 0x1B, 0x1E, 0x1F, 0x20, 0x21, 0x22, 0x24, 0x25), cmis.decode),
}


def decode(read: Eeprom) -> Module:
    """Return what the module in a cage says; Absent where there is none, or of no known kind."""
    (identifier,) = read(0, 1)
    if identifier not in _STANDARDS:
        raise Absent(f"a module of kind {identifier:#04x}")
    return _STANDARDS[identifier](read)
