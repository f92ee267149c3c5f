"""The bridge's own metrics: events are counted as they happen, the rest told by the last cycle.

What a cycle found is exposed whole or not at all: a scrape never sees half of it.
"""

from collections import Counter as Tally
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import product

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Histogram,
    disable_created_metrics,
)
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector

from catalog import __version__, bridge
from catalog.conditions import BY_TYPE
from catalog.events import EVENT_RESULTS
from catalog.metrics import Metric
from catalog.verdicts import Verdict
from health_bridge.decision.accounts import budget_kind
from health_bridge.decision.conditions import FALSE, TRUE, UNKNOWN
from health_bridge.decision.decide import Decision
from health_bridge.decision.lost import RECORD_LOST
from health_bridge.decision.shadow import Imagined
from health_bridge.decision.steps import NodeSteps, kind
from health_bridge.leases import Leases
from health_bridge.poll import Round
from health_bridge.tolerate import DONE, Survey

LATENCIES = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600)
"""Seconds of a fault's way to its node."""

BUCKETS = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120)
"""Seconds of a cycle."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What a cycle came to; `kinds` is each source and what it is."""

    began: float
    kinds: dict[str, str]
    seen: Round
    decision: Decision
    paused: bool = False
    leases: Leases = field(default_factory=Leases)


class Meter(Collector):
    """All metrics of this process, in a registry of its own."""

    def __init__(self) -> None:
        """Begin at zero, each bounded label value present from the start."""
        disable_created_metrics()  # type: ignore[no-untyped-call] # the library's gap
        self.registry = CollectorRegistry()
        self.report: Report | None = None
        self.leading = False
        self.steps = self._counter(bridge.STEPS, bridge.STEP_KINDS)
        self.api_errors = self._counter(bridge.API_FAILURES, bridge.API_ERRORS)
        self.webhooks = self._counter(bridge.WEBHOOKS, bridge.WEBHOOK_RESULTS)
        self.failures = self._counter(bridge.CYCLE_FAILURES, (*bridge.API_ERRORS, "internal"))
        self.source_errors = self._counter(bridge.SOURCE_ERRORS, ())
        self.duration = Histogram(
            bridge.CYCLE_DURATION.name,
            bridge.CYCLE_DURATION.help,
            buckets=BUCKETS,
            registry=self.registry,
        )
        self.latency = Histogram(
            bridge.FAULT_LATENCY.name,
            bridge.FAULT_LATENCY.help,
            bridge.FAULT_LATENCY.labels,
            buckets=LATENCIES,
            registry=self.registry,
        )
        for hop in bridge.HOPS:
            self.latency.labels(hop)
        self.events = self._counter(bridge.EVENTS, EVENT_RESULTS)
        self.log_lines = self._counter(bridge.DECISION_LOG_LINES, bridge.LOG_RESULTS)
        self.imagined: Imagined | None = None
        """What `--shadow` has imagined, None where it is off."""
        self.survey = Survey()
        self.registry.register(self)

    def count(self, plan: NodeSteps) -> None:
        """Count the steps of a node that were taken, or in a dry run would have been."""
        for step in plan.steps:
            self.steps.labels(kind(step)).inc()

    def exposition(self, accept: str) -> tuple[bytes, str]:
        """Return the metrics in the form that an Accept header asks for, and its content type."""
        encode, content_type = choose_encoder(accept)
        return encode(self.registry), content_type

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Yield the gauges: what this replica is, and what the last cycle found."""
        yield _gauge(bridge.BUILD_INFO, [((__version__,), 1)])
        yield _gauge(bridge.LEADER, [((), self.leading)])
        if self.report is not None:
            yield from _told(self.report)
            yield from _leased(self.report.leases)
        yield from _surveyed(self.survey)
        yield from _imagined(self.imagined)

    def hops(self) -> dict[str, list[tuple[float, float]]]:
        """Return each hop's cumulative buckets: bound in seconds, count."""
        found: dict[str, list[tuple[float, float]]] = {}
        for family in self.latency.collect():
            for sample in family.samples:
                if "le" in sample.labels:
                    bucket = float(sample.labels["le"]), sample.value
                    found.setdefault(sample.labels["hop"], []).append(bucket)
        return found

    def _counter(self, metric: Metric, values: Iterable[str]) -> Counter:
        counter = Counter(metric.name, metric.help, metric.labels, registry=self.registry)
        for value in values:
            counter.labels(value)
        return counter


def _gauge(metric: Metric, samples: Iterable[tuple[tuple[str, ...], float]]) -> GaugeMetricFamily:
    family = GaugeMetricFamily(metric.name, metric.help, labels=metric.labels)
    for values, value in samples:
        family.add_metric(values, float(value))
    return family


def _told(report: Report) -> Iterator[GaugeMetricFamily]:
    decision, ledger = report.decision, report.decision.ledger
    yield _gauge(bridge.CYCLE_TIMESTAMP, [((), report.began)])
    yield _gauge(
        bridge.SOURCE_UP,
        [((name, kind), name not in report.seen.errors) for name, kind in report.kinds.items()],
    )
    yield _gauge(bridge.FAULTS, _faults(decision).items())
    yield _gauge(bridge.PAUSED, [((), report.paused)])
    yield _gauge(bridge.SUSPECTED, [((), decision.suspected)])
    yield _gauge(bridge.NODES, [((state,), count) for state, count in _nodes(decision).items()])
    yield _gauge(
        bridge.VERIFIED_NODES,
        [((worth,), decision.verified.get(worth, 0)) for worth in bridge.VERIFIED_WORTHS],
    )
    yield _gauge(bridge.FAULT_STATE, decision.tally.items())
    yield _gauge(bridge.WITHHELD_FAULTS, _withheld(decision).items())
    levels = ledger.levels
    yield _gauge(bridge.BUDGET_SIZE, [((kind,), level.size) for kind, level in levels.items()])
    yield _gauge(bridge.BUDGET_USED, [((kind,), level.used) for kind, level in levels.items()])
    refused = Tally(map(budget_kind, (*ledger.withheld.values(), *ledger.unavoided.values())))
    yield _gauge(bridge.BUDGET_WITHHELD, [((kind,), refused[kind]) for kind in bridge.WITHHOLDERS])
    skipped = {
        **report.seen.skipped,
        "unknown_node": decision.unknown_nodes,
        "unknown_place": decision.unknown_places,
    }
    yield _gauge(
        bridge.ALERTS_SKIPPED,
        [((reason,), skipped.get(reason, 0)) for reason in bridge.SKIP_REASONS],
    )


def _leased(leases: Leases) -> Iterator[GaugeMetricFamily]:
    yield _gauge(bridge.LEASE_END_TIMESTAMP, [((node,), end) for node, end in leases.ends.items()])
    yield _gauge(bridge.MALFORMED_LEASE_ENDS, [((), leases.malformed)])


def _surveyed(survey: Survey) -> Iterator[GaugeMetricFamily]:
    """Tell of the DaemonSets; how many there are only where that is known."""
    yield _gauge(
        bridge.DAEMON_SET_CHECK,
        [((state,), survey.state == state) for state in bridge.DAEMON_SET_CHECKS],
    )
    known = survey.state == DONE
    found, nodes = len(survey.found), len(survey.nodes)
    yield _gauge(bridge.INTOLERANT_DAEMON_SETS, [((), found)] if known else [])
    yield _gauge(bridge.INTOLERANT_NODES, [((), nodes)] if known else [])


def _imagined(imagined: Imagined | None) -> Iterator[GaugeMetricFamily]:
    if imagined is None:
        yield _gauge(bridge.SHADOW_TAINTS, [])
        yield _gauge(bridge.SHADOW_CONDITIONS, [])
        return
    taints, conditions = imagined.taints, imagined.conditions
    verdicts = [each.label for each in Verdict if each.taint_effect]
    yield _gauge(
        bridge.SHADOW_TAINTS,
        [(key, taints.get(key, 0)) for key in product(BY_TYPE, verdicts)],
    )
    yield _gauge(
        bridge.SHADOW_CONDITIONS,
        [(key, conditions.get(key, 0)) for key in product(BY_TYPE, (TRUE, FALSE, UNKNOWN))],
    )


def _faults(decision: Decision) -> dict[tuple[str, ...], float]:
    tally: Tally[tuple[str, ...]] = Tally(
        (fault.condition, fault.verdict.label, fault.action)
        for faults in decision.faults.values()
        for fault in faults
    )
    return dict(tally)


def _withheld(decision: Decision) -> dict[tuple[str, ...], float]:
    tally = Tally(
        budget_kind(fault.withheld_by)
        for faults in decision.faults.values()
        for fault in faults
        if fault.withheld_by
    )
    return {(by,): tally[by] for by in bridge.WITHHOLDERS}


def _nodes(decision: Decision) -> dict[str, int]:
    lost = [
        node
        for node, faults in decision.faults.items()
        if any(fault.fault.endswith(RECORD_LOST) for fault in faults)
    ]
    counts = {
        "managed": decision.managed,
        "unmanaged": decision.unmanaged,
        "faulty": len(decision.faults),
        "blind": len(decision.blind),
        "unrecorded": len(lost),
    }
    return {state: counts[state] for state in bridge.NODE_STATES}
