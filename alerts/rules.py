"""Rule groups as Prometheus reads them: one alert, one group, so that one cannot fail another."""

from datetime import timedelta
from typing import Any

from alerts.model import Alert
from alerts.promql import duration, written
from alerts.tuning import Intervals, expression, text
from catalog import labels


def alert_labels(alert: Alert) -> dict[str, str]:
    """Return the labels that the rule itself sets; the device's come from the series."""
    made = {labels.SEVERITY: alert.severity}
    if alert.fault:
        made |= {
            labels.FAULT: alert.fault.name,
            labels.CONDITION: alert.fault.condition.type,
            labels.VERDICT: alert.fault.verdict.label,
            labels.SCOPE: alert.fault.scope.value,
        }
    return made


def annotations(alert: Alert, runbook_url: str) -> dict[str, str]:
    """Return the texts for people; `{alert}` in the URL pattern becomes the alert's name."""
    return {
        "summary": text(alert, alert.summary),
        "description": text(alert, alert.description),
        "runbook_url": runbook_url.replace("{alert}", alert.name),
    }


def group(alert: Alert, intervals: Intervals, runbook_url: str) -> dict[str, Any]:
    """Return the rule group of one alert."""
    rule: dict[str, Any] = {"alert": alert.name, "expr": written(expression(alert))}
    if alert.hold > timedelta(0):
        rule["for"] = duration(alert.hold)
    if alert.keep_firing_for > timedelta(0):
        rule["keep_firing_for"] = duration(alert.keep_firing_for)
    rule["labels"] = alert_labels(alert)
    rule["annotations"] = annotations(alert, runbook_url)
    return {
        "name": f"railwatch.{alert.name}",
        "interval": duration(intervals.evaluation),
        "rules": [rule],
    }
