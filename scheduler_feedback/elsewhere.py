"""Whether pods that are to leave could run elsewhere, and where. Pure.

The gang planner's own answer, on the fleet as it would be: the nodes that are drained closed, what
the leaving pods take given back, and those that left before them at their new places.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from scheduler_feedback.gang.fleet import Fleet, Request
from scheduler_feedback.gang.gather import as_gang
from scheduler_feedback.gang.model import Gang
from scheduler_feedback.gang.nodes import Barred, Host, build_fleet, in_order
from scheduler_feedback.gang.place import Placement, place
from scheduler_feedback.gang.pods import HOSTNAME, Claim, Member, Terms


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """All nodes, what every pod on them takes, and the pods of gangs, of one moment."""

    hosts: Sequence[Host] = ()
    claims: Sequence[Claim] = ()
    members: Sequence[Member] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """Where pods would go, and the fleet once they have."""

    where: Mapping[str, str]
    """Pod uid → node; empty where they fit nowhere."""
    why_not: str = ""
    fleet: Fleet
    """After the move; where they fit nowhere, with what they took given back."""


class Elsewhere:
    """The room there is for pods that leave; each move taken is counted in the next."""

    def __init__(
        self, snapshot: Snapshot, closed: Collection[str] = (), *, site_tier: int | None = None
    ) -> None:
        """Take a snapshot; `closed` are the nodes that are drained."""
        self._hosts = in_order(snapshot.hosts)
        self._rows = {host.name: row for row, host in enumerate(self._hosts)}
        self._names = {host.hostname: host.name for host in self._hosts if host.hostname}
        self._closed = np.array([r for n, r in self._rows.items() if n in closed], dtype=np.int64)
        self._barred = Barred(self._hosts)
        self._site_tier = site_tier
        self._fleet = build_fleet(self._hosts, [*snapshot.claims, *self._coming(snapshot.members)])

    def _coming(self, members: Sequence[Member]) -> list[Claim]:
        """Return what pods that were let go and are not bound yet will take."""
        return [
            Claim(uid=m.uid, node=self._names.get(m.pin, m.pin), request=m.request)
            for m in members
            if m.pin and not m.node and not m.terminating
        ]

    def ask(self, name: str, pods: Sequence[Member]) -> Move:
        """Return where these pods, a gang or one, would go if they left where they are."""
        freed = self._fleet.without(
            [(self._rows[p.node], _given_back(p.request)) for p in pods if p.node in self._rows]
        )
        asking = replace(pods[0], selector=_without_pin(pods[0]))
        off = np.union1d(self._barred.of(asking), self._closed)
        found = place(self._gang(name, pods), freed.closed(off))
        if not isinstance(found, Placement):
            return Move(where={}, why_not=found.detail, fleet=freed)
        names = self._fleet.names
        return Move(
            where={rank.uid: names[row] for rank, row in found.nodes},
            fleet=freed.without([(row, rank.request) for rank, row in found.nodes]),
        )

    def take(self, move: Move) -> None:
        """Count a move as made."""
        self._fleet = move.fleet

    def _gang(self, name: str, pods: Sequence[Member]) -> Gang:
        terms = pods[0].terms
        if terms is None or any(pod.terms != terms for pod in pods):
            terms = Terms(gang=name, size=len(pods), least=len(pods))
        gang = as_gang(terms, pods, self._names, self._site_tier)
        ranks = tuple(replace(rank, node="") for rank in gang.ranks)
        return replace(gang, ranks=ranks, least=min(gang.least, len(ranks)))


def _given_back(request: Request) -> dict[str, int]:
    return {resource: -amount for resource, amount in {"pods": 1, **request}.items()}


def _without_pin(pod: Member) -> dict[str, str]:
    """Return a pod's selector as its successor will have it."""
    return {k: v for k, v in pod.selector.items() if k != HOSTNAME or not pod.pin}
