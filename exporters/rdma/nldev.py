"""The words of NETLINK_RDMA: commands and attributes, and what an answer says.

Numbers are those of the kernel's include/uapi/rdma/rdma_netlink.h, which never change. Nothing here
needs the library that speaks netlink; `exporters.rdma.netlink` does, and only a worker imports it.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Protocol

from exporters.errors import Unreadable

PROTOCOL = 20
"""NETLINK_RDMA."""

_LONGEST = 64


class Command(IntEnum):
    """What can be asked; all of it without privilege."""

    GET = 1
    PORT_GET = 5
    SYS_GET = 6
    RES_GET = 9
    RES_QP_GET = 10
    STAT_GET = 17
    STAT_GET_STATUS = 24


class Attribute(IntEnum):
    """RDMA_NLDEV_ATTR_…, those that are used here."""

    DEV_INDEX = 1
    DEV_NAME = 2
    PORT_INDEX = 3
    RES_SUMMARY = 15
    RES_SUMMARY_ENTRY = 16
    RES_SUMMARY_ENTRY_NAME = 17
    RES_SUMMARY_ENTRY_CURR = 18
    RES_QP = 19
    RES_QP_ENTRY = 20
    RES_STATE = 27
    RES_PID = 28
    NDEV_NAME = 51
    SYS_NETNS_MODE = 66
    DEV_PROTOCOL = 67
    STAT_MODE = 74
    STAT_RES = 75
    STAT_COUNTER = 77
    STAT_COUNTER_ENTRY = 78
    STAT_HWCOUNTERS = 80
    STAT_HWCOUNTER_ENTRY = 81
    STAT_HWCOUNTER_ENTRY_NAME = 82
    STAT_HWCOUNTER_ENTRY_VALUE = 83
    STAT_HWCOUNTER_DYNAMIC = 95
    RES_SUMMARY_ENTRY_MAX = 118


NUMBERS: Mapping[Attribute, int] = {
    Attribute.DEV_INDEX: 32,
    Attribute.PORT_INDEX: 32,
    Attribute.RES_SUMMARY_ENTRY_CURR: 64,
    Attribute.RES_SUMMARY_ENTRY_MAX: 64,
    Attribute.RES_STATE: 8,
    Attribute.RES_PID: 32,
    Attribute.SYS_NETNS_MODE: 8,
    Attribute.STAT_MODE: 32,
    Attribute.STAT_RES: 32,
    Attribute.STAT_HWCOUNTER_ENTRY_VALUE: 64,
    Attribute.STAT_HWCOUNTER_DYNAMIC: 8,
}
"""Attributes that are unsigned numbers, and their bits."""

TEXTS = frozenset(
    {
        Attribute.DEV_NAME,
        Attribute.RES_SUMMARY_ENTRY_NAME,
        Attribute.NDEV_NAME,
        Attribute.DEV_PROTOCOL,
        Attribute.STAT_HWCOUNTER_ENTRY_NAME,
    }
)
TABLES = frozenset(Attribute) - NUMBERS.keys() - TEXTS
"""Attributes that hold attributes."""

OF_QUEUE_PAIRS = int(Attribute.RES_QP)
"""What STAT_RES asks for: the attribute that would hold it, not a restrack type."""


@dataclass(frozen=True, slots=True)
class Attributes:
    """What one message, or one table in it, holds; an attribute may come several times."""

    numbers: Mapping[Attribute, int] = field(default_factory=dict)
    texts: Mapping[Attribute, str] = field(default_factory=dict)
    tables: Mapping[Attribute, tuple["Attributes", ...]] = field(default_factory=dict)

    def number(self, attribute: Attribute) -> int:
        """Return a number; Unreadable where there is none."""
        try:
            return self.numbers[attribute]
        except KeyError:
            raise Unreadable(f"NETLINK_RDMA: an answer without {attribute.name}") from None

    def name(self, attribute: Attribute) -> str:
        """Return a text that becomes a label: printable and short; Unreadable where none is."""
        if name := label(self.texts.get(attribute, "")):
            return name
        raise Unreadable(f"NETLINK_RDMA: an answer without {attribute.name}")

    def entries(self, table: Attribute, entry: Attribute) -> "list[Attributes]":
        """Return the entries of a table, none where there is no table."""
        return [one for held in self.tables.get(table, ()) for one in held.tables.get(entry, ())]


def label(text: str) -> str:
    """Return a text as a label shows it; what is longer or not printable is damage."""
    return "".join(c if c.isprintable() else "\ufffd" for c in text[:_LONGEST])


Question = Mapping[Attribute, int]
"""The attributes that a question is asked with."""

NOTHING: Question = {}


class Kernel(Protocol):
    """Who answers: the kernel, through `exporters.rdma.netlink`, or one in a test."""

    def dump(self, command: Command, of: Question = NOTHING) -> Iterable[Attributes]:
        """Yield each message of a dump; Absent where the kernel does not know the question."""

    def ask(self, command: Command, of: Question = NOTHING) -> Attributes:
        """Return the one answer to a question; Absent where the kernel does not know it."""
