"""The program's own metrics: the catalogue's records, counted and shown by prometheus-client."""

import time
from collections import Counter as Counts
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

from prometheus_client import CollectorRegistry, Counter, Histogram, disable_created_metrics
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.exposition import choose_encoder

from catalog import __version__
from catalog import scheduler as records
from catalog.conditions import CONDITIONS
from catalog.events import EVENT_RESULTS
from catalog.metrics import Metric
from catalog.scheduler_queue import RECLAIMS
from catalog.scheduler_share import BIND_RESULTS, BINDS
from program.web import Request, Response
from scheduler_feedback.cache import NodeCache
from scheduler_feedback.gang.controller import Round
from scheduler_feedback.health import UNKNOWN_CONDITION

BUCKETS = (0.0005, 0.001, 0.002, 0.003, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0)
"""Seconds: around what a request over 5,000 names takes, up to kube-scheduler's patience."""

_CONDITIONS = (*(condition.type for condition in CONDITIONS), UNKNOWN_CONDITION)


@dataclass(slots=True)
class Outcome:
    """How a request ended."""

    code: int = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Census:
    """What the drainer found in its last round, by state."""

    nodes: Mapping[str, int] = field(default_factory=dict)
    pods: Mapping[str, int] = field(default_factory=dict)
    jobs: int = 0
    """Suspended by the drainer and not resumed yet."""


class Metrics:
    """One registry, and the methods by which the parts tell it what happened."""

    def __init__(self, nodes: NodeCache) -> None:
        disable_created_metrics()  # type: ignore[no-untyped-call] # prometheus-client forgot it
        self.leading: Callable[[], bool] | None = None
        """Whether this replica may drain; None while the drainer is off."""
        self.census: Census | None = None
        """None while this replica is not the one that drains."""
        self.gang_round: Callable[[], Round | None] = lambda: None
        """What the gang controller's last cycle found; None where it does not lead."""
        self.queues: Callable[[], Iterable[GaugeMetricFamily]] = lambda: ()
        """What is known of queues and quotas."""
        self._nodes = nodes
        self._registry = CollectorRegistry(auto_describe=False)
        self._requests = self._counter(records.REQUESTS)
        self._refusals = self._counter(records.REFUSALS)
        self._unchecked = self._counter(records.UNCHECKED)
        self._watch_failures = self._counter(records.WATCH_FAILURES)
        self._evictions = self._counter(records.EVICTIONS)
        self._drain_failures = self._counter(records.DRAIN_FAILURES)
        self._drain_jobs = self._counter(records.DRAIN_JOBS)
        self._gang_pods = self._counter(records.GANG_PODS)
        self._binds = self._counter(BINDS)
        self._reclaims = self._counter(RECLAIMS)
        self._events = self._counter(records.EVENTS)
        self._durations = Histogram(
            records.REQUEST_DURATION.name,
            records.REQUEST_DURATION.help,
            records.REQUEST_DURATION.labels,
            buckets=BUCKETS,
            registry=self._registry,
        )
        self._begin_at_zero()
        self._registry.register(self)

    def _counter(self, metric: Metric) -> Counter:
        return Counter(metric.name, metric.help, metric.labels, registry=self._registry)

    def _begin_at_zero(self) -> None:
        for condition in _CONDITIONS:
            self._refusals.labels(condition)
        for verb in records.VERBS:
            self._requests.labels(verb, "200")
            self._unchecked.labels(verb)
            self._durations.labels(verb)
        for result in records.EVICTION_RESULTS:
            self._evictions.labels(result)
            self._reclaims.labels(result)
        for result in records.DRAIN_JOB_RESULTS:
            self._drain_jobs.labels(result)
        for result in EVENT_RESULTS:
            self._events.labels(result)
        for result in BIND_RESULTS:
            self._binds.labels(result)
        for result in records.GANG_RESULTS:
            self._gang_pods.labels(result)

    @contextmanager
    def timed(self, verb: str) -> Iterator[Outcome]:
        """Count and time one extender request; a crash inside counts as a 500."""
        outcome = Outcome()
        began = time.perf_counter()
        try:
            yield outcome
        except BaseException:
            outcome.code = 500
            raise
        finally:
            self._durations.labels(verb).observe(time.perf_counter() - began)
            self._requests.labels(verb, str(outcome.code)).inc()

    def refused(self, conditions: Iterable[str]) -> None:
        """Count nodes refused."""
        for condition, count in Counts(conditions).items():
            self._refusals.labels(condition).inc(count)

    def unchecked(self, verb: str) -> None:
        """Count a request answered without a fresh cache."""
        self._unchecked.labels(verb).inc()

    def watch_failed(self, reason: str) -> None:
        """Count a list or watch that ended in an error."""
        self._watch_failures.labels(reason).inc()

    def drain_failed(self, reason: str) -> None:
        """Count a round of the drainer that an error cut short."""
        self._drain_failures.labels(reason).inc()

    def evicted(self, result: str) -> None:
        """Count an eviction by its result."""
        self._evictions.labels(result).inc()

    def drain_job(self, result: str) -> None:
        """Count a Job suspended or resumed by the drainer."""
        self._drain_jobs.labels(result).inc()

    def share_bound(self, result: str) -> None:
        """Count a pod with shared GPUs by how its binding ended."""
        self._binds.labels(result).inc()

    def event(self, result: str) -> None:
        """Count an Event by what became of it."""
        self._events.labels(result).inc()

    def reclaimed(self, result: str) -> None:
        """Count an eviction that a queue's guarantee asked for."""
        self._reclaims.labels(result).inc()

    def gang_pod(self, result: str) -> None:
        """Count a pod of a gang by what became of it."""
        self._gang_pods.labels(result).inc()

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Yield what is read at the scrape; prometheus-client's own protocol."""
        yield _gauge(records.CACHE_NODES, {(): len(self._nodes)})
        age = self._nodes.age
        yield _gauge(records.CACHE_AGE, {} if age is None else {(): age})
        yield _gauge(records.CACHE_FRESH, {(): self._nodes.fresh})
        yield _gauge(records.MALFORMED_NODES, {(): self._nodes.malformed()})
        if self._nodes.fresh:
            gpus = self._nodes.withheld_gpus()
            yield _gauge(records.GPU_WITHHELD, {(c,): gpus[c] for c in _CONDITIONS})
        yield _gauge(records.LEADER, {} if self.leading is None else {(): self.leading()})
        census = self.census
        if census is not None:
            yield _by_state(records.DRAIN_NODES, census.nodes)
            yield _by_state(records.DRAIN_PODS, census.pods)
            yield _gauge(records.DRAIN_JOBS_SUSPENDED, {(): census.jobs})
        found = self.gang_round()
        if found is not None:
            yield _by_state(records.GANGS_WAITING, found.waiting)
            yield _gauge(records.GANG_KEPT, {(): bool(found.kept)})
            yield _gauge(records.GPU_IDLE, {(): found.room.idle})
            yield _gauge(records.GPU_IDLE_BROKEN, {(): found.room.broken})
            yield _by_label(records.LARGEST_GANG, found.room.largest)
            yield from self.queues()
        yield _gauge(records.BUILD_INFO, {(__version__,): 1})

    @property
    def registry(self) -> CollectorRegistry:
        """Where a part registers what it alone knows."""
        return self._registry

    def expose(self, request: Request) -> Response:
        """Answer a scrape in the format it asks for."""
        encode, content_type = choose_encoder(request.headers.get("accept", ""))
        return Response(body=encode(self._registry), content_type=content_type)


def _gauge(metric: Metric, values: Mapping[tuple[str, ...], float]) -> GaugeMetricFamily:
    family = GaugeMetricFamily(metric.name, metric.help, labels=metric.labels)
    for labels, value in values.items():
        family.add_metric(labels, float(value))
    return family


def _by_label(metric: Metric, values: Mapping[str, float]) -> GaugeMetricFamily:
    return _gauge(metric, {(label,): value for label, value in values.items()})


def _by_state(metric: Metric, counts: Mapping[str, int]) -> GaugeMetricFamily:
    return _gauge(metric, {(state,): counts.get(state, 0) for state in metric.states})
