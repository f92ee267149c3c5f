"""Objectives: what share of GPU-hours faults may cost, of how many nodes we may be blind.

Burn rates say how many times too fast errors come. An error budget for 30 days is gone in two days
at 14.4 and in five at 6 (Google's SRE workbook, chapter 5); an alert asks a long and a short window
together, so that it fires on what matters and stops when it is over.
"""

from collections.abc import Iterator
from datetime import timedelta

from alerts.promql import EXACT
from alerts.recorded.model import RecordingSettings, Rule
from catalog import fleet as recorded

INTERVAL = timedelta(minutes=1)
"""Windows of days need no finer samples."""

WINDOWS = ("5m", "30m", "1h", "2h", "6h", "1d", "3d")
"""Pairs for alerts: 1h with 5m, 6h with 30m, 1d with 2h, 3d with 6h."""


def rules(settings: RecordingSettings) -> Iterator[Rule]:
    """Yield objective, errors and burn rates of each objective."""
    for slo, objective, errors in (
        (
            recorded.GOODPUT,
            settings.objectives.goodput,
            _share(settings, recorded.GPU_USE, 'use="lost"'),
        ),
        (
            recorded.TELEMETRY,
            settings.objectives.telemetry,
            _share(settings, recorded.NODES, f'coverage!="{recorded.COVERED}"'),
        ),
    ):
        labels = {"slo": slo}
        yield Rule(
            metric=recorded.SLO_OBJECTIVE, expr=f"0 * {errors} + {objective:{EXACT}}", labels=labels
        )
        yield Rule(metric=recorded.SLO_ERRORS, expr=errors, labels=labels)
        series = f'{recorded.SLO_ERRORS.name}{{slo="{slo}"}}'
        for window in WINDOWS:
            yield Rule(
                metric=recorded.SLO_BURN,
                expr=f"avg_over_time({series}[{window}]) / {1 - objective:{EXACT}}",
                labels=labels | {"window": window},
            )


def _share(settings: RecordingSettings, metric: recorded.Recorded, bad: str) -> str:
    """Return the bad ones' share of all, 0 where there is none."""
    by = settings.by()
    total = f"sum by {by} ({metric.name})"
    return f"(sum by {by} ({metric.name}{{{bad}}}) or 0 * {total}) / ({total} > 0)"
