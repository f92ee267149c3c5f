"""Recording rules for dashboards, objectives and cost, one subject a module.

A shard can record what it scrapes itself; what joins kube-state-metrics to the exporters, or
divides one sum by another, needs a Prometheus that sees all: the global view.
"""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from alerts import discovery
from alerts.promql import duration, written
from alerts.recorded import cost, fabric, fleet, slo, use, workloads
from alerts.recorded.model import Objectives, RecordingSettings, Rule
from alerts.tuning import Intervals

SHARD = {"fleet": fleet.rules, "use": use.rules, "fabric": fabric.rules}
"""What each shard records of its own series."""

GLOBAL = {"workloads": workloads.rules, "cost": cost.rules, "slo": slo.rules}
"""What only the global view can record."""

SLOWER = {"slo": slo.INTERVAL}
"""Subjects that need no sample at every evaluation."""


def view(subject: str) -> str:
    """Return the folder of a subject's rules: which Prometheus records them."""
    return discovery.GLOBAL if subject in GLOBAL else discovery.SHARD


def groups(settings: RecordingSettings, intervals: Intervals) -> Iterator[tuple[str, Any]]:
    """Yield the subject and the rule group of each that has rules, shards' first."""
    for subject, rules in (SHARD | GLOBAL).items():
        made = [_rule(rule) for rule in rules(settings)]
        if made:
            every = max(intervals.evaluation, SLOWER.get(subject, timedelta(0)))
            yield (
                subject,
                {"name": f"railwatch.{subject}", "interval": duration(every), "rules": made},
            )


def _rule(rule: Rule) -> dict[str, Any]:
    made: dict[str, Any] = {"record": rule.metric.name, "expr": written(rule.expr)}
    return made | ({"labels": dict(rule.labels)} if rule.labels else {})


__all__ = ["GLOBAL", "SHARD", "Objectives", "RecordingSettings", "groups", "view"]
