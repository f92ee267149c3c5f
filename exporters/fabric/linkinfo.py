"""What iblinkinfo prints a line: the states of every port, and what it could do.

`… 3 1[  ] ==( 4X 53.125 Gbps Active/ LinkUp)==> … (Could be 12X )`. Names stand before the port,
so everything is taken from the line's end of the left half: what a name holds cannot disturb.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from exporters.fabric.fabric import IBLINKINFO, garbled

_LINE = re.compile(
    r'(0x[0-9a-f]{1,16}) "(?:.*)" +([0-9]{1,5}) +([0-9]{1,3})\[.{0,3}\] ==\((.*?)/(.*?)\)==>(.*)'
)
_COULD_BE = re.compile(r"Could be ([0-9.]+X?)(?= |\)|$)")
_STATES = {"Down": 1, "Initialize": 2, "Init": 2, "Armed": 3, "Active": 4}
_PHYSICAL = {
    "Sleep": 1, "Polling": 2, "Disabled": 3, "PortConfigurationTraining": 4, "Training": 4,
    "LinkUp": 5, "LinkErrorRecovery": 6, "PhyTest": 7,
}  # fmt: skip
_WIDEST = "12X"
_NARROW = ("1X", "2X")
"""Ports of four lanes may say that they could do twelve: no cable of one port has them, and only
of a narrower link does that mean anything."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """A port's states as IBTA numbers them, None where the tool's word is not known."""

    state: int | None
    physical_state: int | None
    slow: bool
    """Whether both ends could do more than they do."""


def parse(output: str) -> Mapping[tuple[int, int], Link]:
    """Return what is known of each port, by port GUID and number; ToolError where of none."""
    found: dict[tuple[int, int], Link] = {}
    for line in output.split("\n"):
        if (said := _LINE.fullmatch(line)) is not None:
            guid, number = int(said[1], 16), int(said[3])
            found[guid, number] = Link(
                state=_STATES.get(said[4].split(" ")[-1]),
                physical_state=_PHYSICAL.get(said[5].strip()),
                slow=_slow(said[4], said[6]),
            )
    if not found:
        raise garbled(IBLINKINFO, "no port in its answer")
    return found


def _slow(doing: str, hint: str) -> bool:
    """Whether a hint is worth a word; a name that says `Could be` stands in quotes before it."""
    could = _COULD_BE.findall(hint.rpartition('"')[2])
    return any(one != _WIDEST or doing.split()[:1] in ([n] for n in _NARROW) for one in could)
