"""The counters of all switches, read in rounds: as many a cycle as the budget has time for."""

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from catalog.fabric import ERRORS, FLAPPED, SWITCH
from exporters.fabric.fabric import ToolError
from exporters.fabric.network import Network, Node
from exporters.fabric.perfquery import Readings
from exporters.fabric.survey import Survey, owed

_BAD_RISE: Mapping[str, tuple[int, str]] = {
    "LinkDownedCounter": (1, FLAPPED),
    "SymbolErrorCounter": (3, ERRORS),  # fewer are within NDR's 1e-15 for any short time
    "LinkErrorRecoveryCounter": (1, ERRORS),
    "PortRcvErrors": (1, ERRORS),
    "LocalLinkIntegrityErrors": (1, ERRORS),
    "ExcessiveBufferOverrunErrors": (1, ERRORS),
}
"""How much a counter must rise between two readings for its link to be bad, and how."""

_KEPT_ROUNDS = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """The counters of a switch's linked ports at one moment."""

    at: float
    errors: Readings
    traffic: Readings
    bad: Mapping[int, frozenset[str]]
    """What is bad of a port since the reading before."""


class Rounds:
    """Goes from switch to switch, and remembers the last reading of each."""

    def __init__(self, survey: Survey, clock: Callable[[], float] = time.monotonic) -> None:
        """Begin before the first switch."""
        self.survey = survey
        self._clock = clock
        self._after = -1
        """The GUID of the switch that was read last."""
        self.readings: dict[int, Reading] = {}

    @property
    def age(self) -> float | None:
        """Seconds since the oldest reading that is kept."""
        oldest = min((reading.at for reading in self.readings.values()), default=None)
        return None if oldest is None else self._clock() - oldest

    def go_on(self, network: Network) -> Iterator[str]:
        """Read switches until all are read or the time is over; yield what went wrong.

        Unreadable where there is no time for any.
        """
        switches = [node for node in network.kind(SWITCH) if node.ports and node.lid]
        end, done = self._clock() + self.survey.share, 0
        for switch in self._in_turn(switches):
            if self._clock() + self.survey.budget.wait > end:
                break
            done, self._after = done + 1, switch.guid
            try:
                self.readings[switch.guid] = self._read(switch)
            except ToolError as error:
                yield f"{switch.name}: {error}"
        self._forget(switches, done)
        if switches and not done:
            raise owed(self.survey)

    def _in_turn(self, switches: list[Node]) -> list[Node]:
        """Return the switches from the one after the last read."""
        first = next((i for i, one in enumerate(switches) if one.guid > self._after), 0)
        return switches[first:] + switches[:first]

    def _read(self, switch: Node) -> Reading:
        errors, traffic = self.survey.count(switch)
        before = self.readings.get(switch.guid)
        bad = {
            number: faults
            for number, counted in errors.items()
            if before and (faults := risen(before.errors.get(number, counted), counted))
        }
        return Reading(at=self._clock(), errors=errors, traffic=traffic, bad=bad)

    def _forget(self, switches: list[Node], done: int) -> None:
        """Drop what is of no switch any more, or older than some rounds."""
        rounds = _KEPT_ROUNDS * -(-len(switches) // max(done, 1))
        oldest = self._clock() - rounds * self.survey.interval
        there = {switch.guid for switch in switches}
        self.readings = {
            guid: reading
            for guid, reading in self.readings.items()
            if guid in there and reading.at >= oldest
        }


def risen(before: Mapping[str, int], now: Mapping[str, int]) -> frozenset[str]:
    """Return what is bad of a port; a counter that fell was cleared by someone and is new."""
    return frozenset(
        fault
        for field, (least, fault) in _BAD_RISE.items()
        if _rise(before.get(field), now.get(field)) >= least
    )


def _rise(before: int | None, now: int | None) -> int:
    if before is None or now is None:
        return 0
    return now - before if now >= before else now
