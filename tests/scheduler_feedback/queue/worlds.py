"""Clusters with queues for tests: who runs where, and who waits."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from hypothesis import strategies as st

from scheduler_feedback.gang.fleet import Fleet
from scheduler_feedback.gang.model import Gang
from scheduler_feedback.gang.pods import Claim
from scheduler_feedback.gang.schedule import Schedule, schedule
from scheduler_feedback.queue.book import Book
from scheduler_feedback.queue.declare import Declaration, Queue, Quota
from scheduler_feedback.queue.gate import QuotaGate
from scheduler_feedback.queue.reclaim import Scene
from tests.scheduler_feedback.gang.clusters import GPU, fleet, gang

NAMES = ("a", "b", "c")


def declare(**quotas: Quota) -> Declaration:
    """Queues of one namespace each, with quotas of GPUs."""
    queues = tuple(
        Queue(name=name, namespaces=(name,), quotas={GPU: quota}) for name, quota in quotas.items()
    )
    return Declaration(queues=queues, resources=frozenset({GPU}))


def quota(guaranteed: int = 0, limit: int | None = None, borrowable: int | None = None) -> Quota:
    """A quota as the declaration's defaults make it."""
    lent = guaranteed if borrowable is None else borrowable
    return Quota(guaranteed=guaranteed, limit=limit, borrowable=lent)


def claims(gangs: Sequence[Gang], *, going: bool = False) -> list[Claim]:
    """What the running ranks of gangs take."""
    return [
        Claim(
            uid=rank.uid,
            node=rank.node,
            request=rank.request,
            namespace=each.namespace,
            going=going,
        )
        for each in gangs
        for rank in each.placed
    ]


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """One moment of a cluster."""

    declaration: Declaration
    empty: Fleet
    """Its nodes, with nothing on them."""
    running: tuple[Gang, ...] = ()
    waiting: tuple[Gang, ...] = ()
    going: tuple[Gang, ...] = ()
    """Gangs whose pods are being deleted."""
    reclaim: bool = True

    @property
    def taken(self) -> list[Claim]:
        """What is taken now."""
        return [*claims(self.running), *claims(self.going, going=True)]

    @property
    def fleet(self) -> Fleet:
        """What that leaves free."""
        return self.empty.without(
            [(self.empty.names.index(claim.node), claim.request) for claim in self.taken]
        )

    def gate(self) -> QuotaGate:
        """The gate of a pass."""
        scene = Scene(
            running=self.running,
            going=claims(self.going, going=True),
            begun=frozenset(each.key for each in self.going),
        )
        return QuotaGate(Book(self.declaration, self.taken), scene if self.reclaim else None)

    def plan(self, gate: QuotaGate) -> Schedule:
        """Make a pass."""
        return schedule(
            [*self.running, *self.waiting],
            self.fleet,
            self.empty,
            now=1000.0,
            patience=600.0,
            gate=gate,
        )

    def after(self, made: Schedule, leaving: Sequence[Gang]) -> "World":
        """The next moment: what was placed runs, what has left waits, what leaves is going."""
        started = [
            replace(
                placement.gang,
                ranks=tuple(
                    replace(rank, node=self.empty.names[row]) for rank, row in placement.nodes
                ),
            )
            for placement in made.placed
        ]
        gone = {gang.key for gang in (*started, *leaving)}
        back = [
            replace(gang, since=1000.0, ranks=tuple(replace(r, node="") for r in gang.ranks))
            for gang in self.going
        ]
        return replace(
            self,
            running=(*(g for g in self.running if g.key not in gone), *started),
            waiting=(*(g for g in self.waiting if g.key not in gone), *back),
            going=tuple(leaving),
        )

    def used(self, made: Schedule | None = None) -> Mapping[str, int]:
        """GPUs by namespace, with what a pass has placed."""
        total = dict.fromkeys(NAMES, 0)
        for claim in self.taken:
            total[claim.namespace] += claim.request[GPU]
        for placement in made.placed if made is not None else ():
            for rank, _ in placement.nodes:
                total[placement.gang.namespace] += rank.request[GPU]
        return total


def a_gang(namespace: str, name: str, size: int, gpus: int, **more: Any) -> Gang:
    """A gang that waits."""
    return gang(size, name=name, request={GPU: gpus}, namespace=namespace, **more)


@st.composite
def worlds(draw: st.DrawFn) -> World:
    """Any small cluster: two leaves, three queues, some gangs on its nodes and some before it."""
    amounts = st.integers(0, 24)
    quotas = {}
    for name in NAMES:
        guaranteed = draw(amounts)
        limit = draw(st.none() | st.integers(guaranteed, 48))
        quotas[name] = quota(guaranteed, limit, draw(st.integers(0, guaranteed)))
    empty = fleet(nodes=draw(st.integers(1, 6)), per_leaf=2, leaves_per_spine=2)
    free = empty
    there: list[Gang] = []
    for number in range(draw(st.integers(0, 6))):
        made = _running(draw, free, number)
        if made is not None:
            there.append(made)
            rows = [(free.names.index(rank.node), rank.request) for rank in made.placed]
            free = free.without(rows)
    waiting = tuple(
        a_gang(
            draw(st.sampled_from(NAMES)),
            f"w{number}",
            draw(st.integers(1, 4)),
            draw(st.sampled_from((1, 2, 4, 8))),
            priority=draw(st.integers(0, 2)),
            since=float(draw(st.integers(0, 900))),
            required=draw(st.sampled_from((None, 0, 1))),
        )
        for number in range(draw(st.integers(0, 5)))
    )
    gone = draw(st.integers(0, len(there)))
    return World(
        declaration=declare(**quotas),
        empty=empty,
        running=tuple(there[gone:]),
        going=tuple(there[:gone]) if draw(st.booleans()) else (),
        waiting=waiting,
    )


def _running(draw: st.DrawFn, free: Fleet, number: int) -> Gang | None:
    gpus = draw(st.sampled_from((1, 2, 4, 8)))
    room = free.room({GPU: gpus}).tolist()
    places = [name for name, many in zip(free.names, room, strict=True) for _ in range(many)]
    if not places:
        return None
    size = draw(st.integers(1, min(4, len(places))))
    return a_gang(
        draw(st.sampled_from(NAMES)),
        f"r{number}",
        size,
        gpus,
        at=draw(st.permutations(places))[:size],
        priority=draw(st.integers(0, 2)),
        since=float(draw(st.integers(0, 900))),
    )


@st.composite
def contested(draw: st.DrawFn) -> World:
    """A cluster that borrowers have filled, and gangs of queue a that are within its guarantee."""
    nodes = draw(st.integers(2, 6))
    there: list[Gang] = []
    free = [name for name in fleet(nodes=nodes, per_leaf=2).names for _ in range(2)]
    while free and len(there) < 8:
        size = draw(st.integers(1, min(3, len(free))))
        at, free = free[:size], free[size:]
        there.append(
            a_gang(
                draw(st.sampled_from(("b", "b", "c"))),
                f"r{len(there)}",
                size,
                4,
                at=at,
                priority=draw(st.integers(0, 1)),
                since=float(draw(st.integers(0, 9))),
            )
        )
    own = draw(st.sampled_from((0, 8, 16)))
    gone = draw(st.sampled_from((0, 0, 1)))
    waiting = tuple(
        a_gang(
            "a",
            f"w{number}",
            draw(st.integers(1, 3)),
            draw(st.sampled_from((4, 8))),
            priority=draw(st.integers(0, 1)),
            required=draw(st.sampled_from((None, None, 0))),
        )
        for number in range(draw(st.integers(1, 2)))
    )
    return World(
        declaration=declare(a=quota(48), b=quota(own), c=quota(0)),
        empty=fleet(nodes=nodes, per_leaf=2),
        running=tuple(there[gone:]),
        going=tuple(there[:gone]),
        waiting=waiting,
    )
