"""The seam between the planner of gangs and whoever says how much each may use."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from scheduler_feedback.gang.gather import Group, Unfit
from scheduler_feedback.gang.pods import Claim, Member
from scheduler_feedback.gang.schedule import Gate, Open, Schedule


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What a cycle plans from."""

    claims: Sequence[Claim]
    """What pods on nodes take, and those that were let go and are not bound yet."""
    members: Sequence[Member]
    groups: Sequence[Group]
    unfit: Sequence[Unfit]


class Quotas(Protocol):
    """Who may use how much."""

    def open(self, found: Found) -> Gate:
        """Return what the gangs' queues let in, in this cycle."""

    def settle(self, found: Found, made: Schedule) -> None:
        """Hear what became of it; see to it that what was borrowed is given back."""


class NoQuotas:
    """Everybody may use what he finds."""

    def open(self, found: Found) -> Gate:  # noqa: ARG002 - as any is asked
        """Let everything in."""
        return Open()

    def settle(self, found: Found, made: Schedule) -> None:
        """Nothing is to be given back."""
