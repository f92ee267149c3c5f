"""Many nodes written side by side, the worst first, and not for so long that news must wait.

One node that cannot be written holds up no other. A server that does not answer is left alone. What
is not written in a cycle is not lost: the next one decides it anew, on what is there then.
"""

import logging
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from health_bridge.cluster.apply import Writer
from health_bridge.cluster.errors import KubeError, Unreachable
from health_bridge.decision.decide import Decision
from health_bridge.decision.record import Fault
from health_bridge.decision.steps import NodeSteps, describe
from health_bridge.metrics import Meter

log = logging.getLogger(__name__)

_GIVE_UP = 3
"""Writes in a row without an answer after which the rest is left to the next cycle."""

Take = Callable[[NodeSteps], KubeError | None]


def worst_first(decision: Decision) -> list[NodeSteps]:
    """Return the plans by the worst and oldest fault of each node; recoveries come last."""
    return sorted(decision.plans, key=lambda plan: _urgency(plan.node.name, decision.faults))


def _urgency(name: str, faults: Mapping[str, Sequence[Fault]]) -> tuple[bool, int, int, str]:
    ranks = [fault.rank[:2] for fault in faults.get(name, ())]
    return (not ranks, *min(ranks, default=(0, 0)), name)


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """How the writes of one cycle went."""

    errors: tuple[KubeError, ...] = ()
    complete: bool = True
    """False: there was no time for all of them."""


class Crew:
    """Up to `size` writers, each with one node at a time."""

    def __init__(
        self,
        writer: Writer,
        meter: Meter,
        size: int,
        may_go_on: Callable[[], bool],
        *,
        took: Callable[[NodeSteps], None] = lambda _: None,
    ) -> None:
        """Prepare; threads are started as they are needed, and kept. `took` hears what is done."""
        self._took = took
        self._writer = writer
        self._meter = meter
        self._size = size
        self._may_go_on = may_go_on
        self._pool = ThreadPoolExecutor(max_workers=size, thread_name_prefix="writer")

    def write(self, plans: Sequence[NodeSteps], now: float, enough: Callable[[], bool]) -> Written:
        """Take the plans in order; once `enough` says so, no further one is begun."""
        work = _Work(plans, lambda plan: self._take(plan, now), enough, self._may_go_on)
        if len(plans) == 1:
            work.run()
        else:
            count = min(self._size, len(plans))
            for each in [self._pool.submit(work.run) for _ in range(count)]:
                each.result()
        return Written(errors=tuple(work.errors), complete=not work.late)

    def close(self) -> None:
        """Let the writers go once they are done."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _take(self, plan: NodeSteps, now: float) -> KubeError | None:
        try:
            self._writer.take(plan, now)
        except KubeError as error:
            self._meter.api_errors.labels(error.kind).inc()
            log.warning("node not written", extra={"node": plan.node.name, "error": error})
            return error
        self._meter.count(plan)
        self._took(plan)
        for line in describe(plan):
            log.info("step", extra={"step": line})
        return None


class _Work:
    """The plans of one cycle, handed out one by one."""

    def __init__(
        self,
        plans: Sequence[NodeSteps],
        take: Take,
        enough: Callable[[], bool],
        may_go_on: Callable[[], bool],
    ) -> None:
        self._plans: Iterator[NodeSteps] = iter(plans)
        self._take = take
        self._may_go_on = may_go_on
        self._enough = enough
        self._lock = threading.Lock()
        self._unanswered = 0
        self.errors: list[KubeError] = []
        self.late = False

    def run(self) -> None:
        """Take plans until there is none left, or no use in going on."""
        while (plan := self._next()) is not None:
            self._note(self._take(plan))

    def _next(self) -> NodeSteps | None:
        with self._lock:
            if self._unanswered >= _GIVE_UP or not self._may_go_on():
                return None
            plan = next(self._plans, None)
            if plan is not None and self._enough():
                self.late = True
                return None
            return plan

    def _note(self, error: KubeError | None) -> None:
        with self._lock:
            self._unanswered = self._unanswered + 1 if isinstance(error, Unreachable) else 0
            if error is not None:
                self.errors.append(error)
