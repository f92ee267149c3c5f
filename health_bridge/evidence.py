"""What a cycle leaves behind beside its writes: the log, Events, latencies, what would have been.

Nothing here can stop a cycle or change a decision; a part that fails says so in a metric.
"""

import threading
from collections.abc import Iterable, Sequence

from catalog.conditions import BY_TYPE
from health_bridge.cluster.apply import Nodes
from health_bridge.decision.decide import Decision
from health_bridge.decision.nodes import Keys, Node
from health_bridge.decision.shadow import Shadow, count
from health_bridge.decision.steps import NodeSteps
from health_bridge.events import Event, events_of
from health_bridge.journal import Journal
from health_bridge.latency import Stopwatch
from health_bridge.metrics import Meter
from health_bridge.moment import Moment
from health_bridge.poll import Round
from health_bridge.status import Cycle
from program.announce import About, Announcer


class Evidence:
    """Follows the cycles of one replica."""

    def __init__(  # noqa: PLR0913 - its parts, by keyword
        self,
        meter: Meter,
        *,
        keys: Keys,
        started: float,
        journal: Journal | None = None,
        announcer: Announcer | None = None,
        shadow: bool = False,
    ) -> None:
        """Leave what there is a part for; `started` is when this replica did, Unix seconds."""
        self._meter = meter
        self._keys = keys
        self._started = started
        self._journal = journal
        self.announcer = announcer
        """Who puts Events up; None where that is not wanted."""
        self._shadow = Shadow(keys) if shadow else None
        self._stopwatch: Stopwatch | None = None
        self._taken: list[NodeSteps] = []
        self._lock = threading.Lock()
        self.cycle: Cycle | None = None
        """The last whole one."""
        self.answered: dict[str, float] = {}
        """Source → when it last answered all that it was asked, Unix seconds."""

    @property
    def is_shadow(self) -> bool:
        """Whether nothing is written, and the steps are only imagined."""
        return self._shadow is not None

    @property
    def log_error(self) -> str:
        """Why the decision log is not written, "" where it is or need not be."""
        return (self._journal.error if self._journal else None) or ""

    def watch(self, nodes: Nodes) -> Nodes:
        """Return the same nodes, with an eye on when they are written."""

        def observe(hop: str, seconds: float) -> None:
            self._meter.latency.labels(hop).observe(seconds)

        self._stopwatch = Stopwatch(nodes, observe, started=self._started)
        return self._stopwatch

    def saw(self) -> None:
        """Take note that the sources have answered now."""
        if self._stopwatch is not None:
            self._stopwatch.saw()

    def over(self, nodes: Sequence[Node]) -> Sequence[Node]:
        """Return the nodes as the decision shall see them."""
        return nodes if self._shadow is None else self._shadow.over(nodes)

    def decided(
        self, moment: Moment, decision: Decision, seen: Round, kinds: Iterable[str]
    ) -> None:
        """Take note of a decision, before anything is written."""
        now = moment.sight.now
        self.answered |= {name: now for name in kinds if name not in seen.errors}
        self._taken = []
        if self._stopwatch is not None and self._shadow is None:
            self._stopwatch.decided(decision)
        self.cycle = Cycle(began=now, seen=seen, decision=decision, policy=moment.policy)

    def took(self, plan: NodeSteps) -> None:
        """Take note that a node's steps are taken; safe to call from several threads."""
        with self._lock:
            self._taken.append(plan)

    def imagine(self, moment: Moment, decision: Decision) -> None:
        """Imagine every step taken, in place of taking it."""
        if self._shadow is not None:
            self._shadow.take(decision.plans)
            for plan in decision.plans:
                self._meter.count(plan)
            managed = [node for node in self._shadow.over(moment.nodes) if node.managed]
            self._meter.imagined = count(managed, self._keys, BY_TYPE)

    def close(self, moment: Moment, decision: Decision) -> None:
        """End the cycle: log it, and put up the Events of what was written."""
        if self._journal is not None:
            self._journal.note(moment, decision)
        if self.announcer is not None:
            for event in self._events(decision, moment.sight.now):
                _say(self.announcer, event)

    def _events(self, decision: Decision, now: float) -> list[Event]:
        worst = sorted(self._taken, key=lambda plan: _rank(plan, decision))
        return [
            event
            for plan in worst
            for event in events_of(plan, decision.faults.get(plan.node.name, ()), self._keys, now)
        ]


def _say(announcer: Announcer, event: Event) -> None:
    node = About(kind="Node", name=event.node, uid=event.uid)
    announcer.say(node, event.reason, event.message, warning=event.warning, same=event.about)


def _rank(plan: NodeSteps, decision: Decision) -> tuple[object, ...]:
    """Put the worst first: they are told where not all can be."""
    faults = decision.faults.get(plan.node.name, ())
    return min((fault.rank for fault in faults), default=(1,)), plan.node.name
