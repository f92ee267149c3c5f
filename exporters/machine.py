"""Which machine this is, as its firmware tells (DMI, in sysfs)."""

from dataclasses import dataclass
from pathlib import Path

from exporters.errors import ReadingError
from exporters.files import read

_SERIALS = ("product_serial", "product_uuid", "chassis_serial", "board_serial")
"""Only root may read them."""

_SAY_NOTHING = frozenset(
    {
        "", "none", "n/a", "na", "default string", "not specified", "not applicable",
        "to be filled by o.e.m.", "system serial number", "chassis serial number",
        "00000000-0000-0000-0000-000000000000", "ffffffff-ffff-ffff-ffff-ffffffffffff",
    }
)  # fmt: skip
"""What firmware says where nobody gave it a serial number; thousands of machines say it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """A machine; `serial` and `product` are empty where the firmware does not tell."""

    serial: str = ""
    product: str = ""

    @classmethod
    def of(cls, sysfs: str) -> "Machine":
        """Return the machine with this sysfs."""
        told = (_told(sysfs, name) for name in _SERIALS)
        return cls(serial=next(filter(None, told), ""), product=_told(sysfs, "product_name"))


def _told(sysfs: str, name: str) -> str:
    try:
        text = read(Path(sysfs) / "class/dmi/id" / name)
    except ReadingError:
        return ""
    return "" if text.lower() in _SAY_NOTHING or set(text) <= {"0", "."} else text
