"""Carries drain plans out: reads afresh, plans, evicts, tells; again and again while it leads.

Nothing is remembered that matters: after a restart, or on another replica, the API objects say it
all. What is kept in memory only spares the kube-apiserver: when to try a refused pod again, and
what has been said already.
"""

import logging
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from catalog.scheduler import DRAIN_NODE_STATES, EVICTION_RESULTS
from catalog.wire import PREFIX
from scheduler_feedback import drain
from scheduler_feedback.announce import About, Announcer
from scheduler_feedback.cache import NodeCache
from scheduler_feedback.drain import Draining, Eviction, Plan
from scheduler_feedback.errors import (
    Conflict,
    Forbidden,
    Invalid,
    KubeError,
    NotFound,
    TooManyRequests,
    Unreachable,
)
from scheduler_feedback.health import NodeHealth, assess
from scheduler_feedback.metrics import Census, Metrics
from scheduler_feedback.pods import Pod, read_budget, read_pod
from scheduler_feedback.rate import Bucket
from scheduler_feedback.watch import Object

log = logging.getLogger(__name__)

EVICTED, GONE, BLOCKED, REFUSED, FAILED = EVICTION_RESULTS
DRAINING, DRAINED, UNVOUCHED, UNMANAGED = DRAIN_NODE_STATES

_FIRST_PAUSE, _LONGEST_PAUSE = 2.0, 60.0
"""Seconds between two attempts at a pod whose eviction was refused: doubled each time."""

_REST = 60.0
"""Seconds between two looks at a drained node, where only a tolerant pod could still turn up."""

_REFILL = 1.0
"""Seconds in which a whole burst of evictions is saved up again."""


class Cluster(Protocol):
    """The kube-apiserver as far as draining goes."""

    def node(self, name: str) -> Object:
        """Return a Node object; NotFound where there is none."""

    def pods_on(self, node: str) -> Sequence[Object]:
        """Return the Pod objects bound to a node."""

    def budgets(self) -> Sequence[Object]:
        """Return every PodDisruptionBudget object."""

    def evict(self, namespace: str, name: str, uid: str) -> None:
        """Evict a pod through the Eviction API."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Refused:
    """A pod whose eviction was refused."""

    times: int
    until: float


@dataclass(frozen=True, slots=True, kw_only=True)
class _Rest:
    """A node that was found drained, as it was known then, and when to look again."""

    node: NodeHealth
    until: float


class Drainer:
    """Empties the nodes whose applied taint says drain."""

    def __init__(  # noqa: PLR0913 - what a drainer needs, all by keyword
        self,
        cluster: Cluster,
        nodes: NodeCache,
        *,
        leading: Callable[[], bool],
        announcer: Announcer,
        metrics: Metrics,
        rate: float,
        bare_pods: bool = False,
        prefix: str = PREFIX,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Prepare; `leading` is asked again before each eviction."""
        self._cluster = cluster
        self._nodes = nodes
        self._leading = leading
        self._announcer = announcer
        self._metrics = metrics
        self._bare_pods = bare_pods
        self._prefix = prefix
        self._clock = clock
        self._bucket = Bucket(rate, burst=rate, clock=clock)
        self._refused: dict[str, _Refused] = {}
        self._resting: dict[str, _Rest] = {}
        self._lost = ""

    def run(self, stop: threading.Event, wake: threading.Event, interval: float) -> None:
        """Drain until stopped: every `interval`, and at once when woken."""
        while not stop.is_set():
            pause = interval
            if self._leading():
                pause = min(interval, self._try_round(stop))
            else:
                self._metrics.census = None
            wake.wait(pause)
            wake.clear()

    def _try_round(self, stop: threading.Event) -> float:
        """Make one round; return after how many seconds the next one may find more to do."""
        try:
            made = self.round(stop)
        except KubeError as error:
            self._metrics.drain_failed(error.reason)
            if not self._lost:
                log.warning("drain held up", extra={"reason": error.reason, "error": str(error)})
            self._lost = error.reason
            return float("inf")
        if self._lost:
            log.info("drain goes on", extra={"after": self._lost})
        self._lost = ""
        waits = any(held.state == drain.PENDING for held in made.held)
        return max(self._bucket.wait(), _REFILL) if waits else float("inf")

    def round(self, stop: threading.Event | None = None) -> Plan:
        """Read, plan and act once; return the plan. KubeError where the server cannot be asked."""
        tainted = self._nodes.with_drain_taint()
        due = [node for node in tainted if _state(node) == DRAINING and not self._rests(node)]
        draining = [self._draining(node) for node in map(self._fresh, due) if node is not None]
        budgets = [read_budget(b) for b in self._cluster.budgets()] if draining else []
        made = drain.plan(
            draining,
            budgets,
            room=self._bucket.room(),
            waiting=self._waiting(draining),
            bare_pods=self._bare_pods,
        )
        self._tell(draining, made)
        self._let_rest(due, made)
        self._metrics.census = self._census(tainted, made)
        for eviction in made.evict:
            if not self._leading() or (stop is not None and stop.is_set()):
                break
            self._evict(eviction)
        return made

    def _rests(self, node: NodeHealth) -> bool:
        """Whether a node was found drained a moment ago and nothing was said of it since."""
        rest = self._resting.get(node.name)
        return rest is not None and rest.node == node and self._clock() < rest.until

    def _let_rest(self, due: Sequence[NodeHealth], made: Plan) -> None:
        drained = {node.uid for node in made.drained}
        for node in due:
            self._resting.pop(node.name, None)
            if node.uid in drained:
                self._resting[node.name] = _Rest(node=node, until=self._clock() + _REST)

    def _census(self, tainted: Sequence[NodeHealth], made: Plan) -> Census:
        self._resting = {n.name: self._resting[n.name] for n in tainted if n.name in self._resting}
        states = (DRAINED if node.name in self._resting else _state(node) for node in tainted)
        return Census(nodes=Counter(states), pods=drain.count_states(made.held))

    def _fresh(self, cached: NodeHealth) -> NodeHealth | None:
        """Return a node as it is now, if it still is to be drained: no eviction by memory."""
        try:
            node = assess(self._cluster.node(cached.name), self._prefix)
        except NotFound:
            return None
        return node if node.managed and node.drains else None

    def _draining(self, node: NodeHealth) -> Draining:
        pods = tuple(read_pod(pod) for pod in self._cluster.pods_on(node.name))
        return Draining(node=node, pods=pods)

    def _waiting(self, draining: Sequence[Draining]) -> set[str]:
        """Return the pods not to be tried yet, forgetting those that are no longer there."""
        here = {pod.uid for d in draining for pod in d.pods}
        self._refused = {uid: r for uid, r in self._refused.items() if uid in here}
        now = self._clock()
        return {uid for uid, refused in self._refused.items() if now < refused.until}

    def _evict(self, eviction: Eviction) -> None:
        pod = eviction.pod
        self._bucket.take()
        try:
            self._cluster.evict(pod.namespace, pod.name, pod.uid)
        except KubeError as error:
            self._not_evicted(eviction, error)
            return
        self._metrics.evicted(EVICTED)
        self._refused.pop(pod.uid, None)
        self._announcer.say(_pod(pod), "Evicted", f"railwatch drains {_reason(eviction.node)}")

    def _not_evicted(self, eviction: Eviction, error: KubeError) -> None:
        result = _result(error)
        self._metrics.evicted(result)
        if isinstance(error, Unreachable):
            raise error
        if result == GONE:
            return
        pod, after = eviction.pod, getattr(error, "retry_after", 0.0)
        before = self._refused.get(pod.uid)
        times = before.times + 1 if before else 0
        pause = max(min(_FIRST_PAUSE * 2.0 ** min(times, 10), _LONGEST_PAUSE), after)
        self._refused[pod.uid] = _Refused(times=times, until=self._clock() + pause)
        message = f"eviction from {_reason(eviction.node)} {result}: {error}"
        self._announcer.say(_pod(pod), "DrainBlocked", message, warning=True)

    def _tell(self, draining: Sequence[Draining], made: Plan) -> None:
        for node in (each.node for each in draining if each.node not in made.drained):
            self._announcer.say(_node(node), "Draining", f"evicting the pods of {_reason(node)}")
        for node in made.drained:
            rest = self._resting.get(node.name)
            if rest is None or rest.node.uid != node.uid:
                message = f"nothing is left to evict from {_reason(node)}"
                self._announcer.say(_node(node), "Drained", message)
        for held in made.held:
            why = drain.why(held)
            if why:
                message = f"not evicted from {_reason(held.node)}: {why}"
                self._announcer.say(_pod(held.pod), "DrainBlocked", message, warning=True)


def _state(node: NodeHealth) -> str:
    """Return what the drainer makes of a node with a drain taint, before it looks at its pods."""
    if not node.managed:
        return UNMANAGED
    return DRAINING if node.drains else UNVOUCHED


def _result(error: KubeError) -> str:
    if isinstance(error, NotFound | Conflict):
        return GONE
    if isinstance(error, TooManyRequests):
        return BLOCKED
    return REFUSED if isinstance(error, Forbidden | Invalid) else FAILED


def _reason(node: NodeHealth) -> str:
    return f"node {node.name}: {', '.join(dict.fromkeys(r.condition for r in node.drains))}"


def _pod(pod: Pod) -> About:
    return About(kind="Pod", namespace=pod.namespace, name=pod.name, uid=pod.uid)


def _node(node: NodeHealth) -> About:
    return About(kind="Node", name=node.name, uid=node.uid)
