"""Which gangs their queues' quotas let in. Pure.

A gang is let in whole or not at all: as far as its queue's limit, and beyond what the queue is
guaranteed only by what others are guaranteed, lend, and do not use. Within its guarantee a queue is
always let in, whoever borrows it now: whether there is room is the planner's to say, and who has to
leave otherwise is `reclaim`'s.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace

from scheduler_feedback.gang.model import Gang, Rank
from scheduler_feedback.gang.place import Refusal
from scheduler_feedback.gang.pods import Claim
from scheduler_feedback.queue.declare import Declaration, Queue, Quota

LIMIT, BORROWED, RECLAIMING = "queue_limit", "queue_borrowed", "queue_reclaiming"
"""limit: its queue would exceed its limit; borrowed: it would borrow what nobody has to lend;
reclaiming: it would borrow while a gang within its guarantee waits for what borrowers give back."""

_NONE = Quota()
Amounts = Mapping[str, int]


class Book:
    """What each queue uses, as gangs are let in one after the other."""

    def __init__(
        self, declaration: Declaration, claims: Iterable[Claim], engines: Collection[str] = ()
    ) -> None:
        """Count what is taken now; `engines` admit their own pods, which are not counted here."""
        self.declaration = declaration
        self._engines = frozenset(engines)
        self._used: dict[str, dict[str, int]] = {
            queue.name: dict.fromkeys(declaration.resources, 0) for queue in declaration.queues
        }
        self._queues: dict[str, Queue | None] = {}
        self._closed: frozenset[str] = frozenset()
        self._closed_for = ""
        self._count(claims, 1)

    def queue_of(self, namespace: str) -> Queue | None:
        """Return the queue of a namespace; None where it has none."""
        if namespace not in self._queues:
            self._queues[namespace] = self.declaration.of(namespace)
        return self._queues[namespace]

    def used(self, queue: Queue) -> Amounts:
        """Return what a queue uses of each resource that some queue has a quota of."""
        return self._used[queue.name]

    def over(self, queue: Queue, resource: str, more: int = 0) -> int:
        """Return how far beyond its guarantee a queue is, or would be with so much more."""
        guaranteed = queue.quotas.get(resource, _NONE).guaranteed
        return max(0, self._used[queue.name][resource] + more - guaranteed)

    def held(self, gang: Gang) -> Queue | None:
        """Return the queue whose quotas a gang is held to; None where nobody's, or an engine's."""
        return None if gang.engine in self._engines else self.queue_of(gang.namespace)

    def asks(self, queue: Queue, ranks: Sequence[Rank]) -> dict[str, int]:
        """Return what ranks ask for of the resources that their queue has a quota of."""
        asked: dict[str, int] = {}
        for rank in ranks:
            for resource, amount in rank.request.items():
                if resource in queue.quotas and amount > 0:
                    asked[resource] = asked.get(resource, 0) + amount
        return asked

    def borrows(self, gang: Gang) -> bool:
        """Whether all of a gang's waiting ranks would take its queue beyond its guarantee."""
        queue = self.held(gang)
        if queue is None:
            return False
        asked = self.asks(queue, gang.waiting)
        return any(self.over(queue, resource, more) for resource, more in asked.items())

    def admit(self, gang: Gang) -> Gang | Refusal:
        """Return the gang with as many of its waiting ranks as it may have, or why it may not.

        All of them, or as many as it can start with.
        """
        queue = self.held(gang)
        if queue is None:
            return gang
        refused = self._refusal(gang, queue, gang.waiting)
        fewer = gang.waiting[: max(gang.least - len(gang.placed), 1)]
        if refused is None:
            return gang
        if len(fewer) < len(gang.waiting) and self._refusal(gang, queue, fewer) is None:
            return replace(gang, ranks=(*gang.placed, *fewer))
        return refused

    def take(self, gang: Gang, ranks: Sequence[Rank]) -> None:
        """Count ranks that were placed."""
        queue = self.held(gang)
        if queue is not None:
            for rank in ranks:
                self._add(queue, rank.request)

    def close(self, resources: Collection[str], name: str) -> None:
        """Let nobody begin to borrow these any more, as a gang of this name gets them back."""
        self._closed, self._closed_for = frozenset(resources), name

    def without(self, claims: Iterable[Claim]) -> "Book":
        """Return the book as it will be once these are free again."""
        made = Book(self.declaration, (), self._engines)
        made._used = {name: dict(used) for name, used in self._used.items()}
        made._count(claims, -1)
        return made

    def _count(self, claims: Iterable[Claim], times: int) -> None:
        for claim in claims:
            queue = self.queue_of(claim.namespace)
            if queue is not None and claim.engine not in self._engines:
                self._add(queue, claim.request, times)

    def _add(self, queue: Queue, request: Amounts, times: int = 1) -> None:
        used = self._used[queue.name]
        for resource in request:
            if resource in used:
                used[resource] += request[resource] * times

    def _refusal(self, gang: Gang, queue: Queue, ranks: Sequence[Rank]) -> Refusal | None:
        for resource, more in sorted(self.asks(queue, ranks).items()):
            reason, detail = self._objection(queue, resource, more)
            if reason:
                return Refusal(gang=gang, reason=reason, detail=f"queue {queue.name}: {detail}")
        return None

    def _objection(self, queue: Queue, resource: str, more: int) -> tuple[str, str]:
        quota, used = queue.quotas[resource], self._used[queue.name][resource]
        asks = f"uses {used} {resource}, the gang asks for {more}"
        if quota.limit is not None and used + more > quota.limit:
            never = ", which it never has" if more > quota.limit else ""
            return LIMIT, f"{asks}, its limit is {quota.limit}{never}"
        over = self.over(queue, resource, more)
        if not over:
            return "", ""
        if resource in self._closed:
            return RECLAIMING, f"{asks}, borrowed ones go back to {self._closed_for} first"
        lent = self._lent(queue, resource)
        if over <= lent:
            return "", ""
        return BORROWED, (
            f"{asks}, {quota.guaranteed} are guaranteed and {max(lent, 0)} can be borrowed"
        )

    def _lent(self, borrower: Queue, resource: str) -> int:
        """Return how much a queue may borrow in all: what others lend, less what others borrow."""
        left = 0
        for queue in self.declaration.queues:
            if queue is borrower or resource not in queue.quotas:
                continue
            quota = queue.quotas[resource]
            idle = quota.guaranteed - self._used[queue.name][resource]
            left += min(quota.borrowable, max(0, idle)) - self.over(queue, resource)
        return left
