"""What users change about a single alert without forking it."""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from string import Template

from alerts.model import Alert, At, Proof, Threshold
from alerts.promql import EXACT, duration
from catalog.verdicts import Verdict


class TuningError(ValueError):
    """A setting does not fit the alert; the message names the key."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertSettings:
    """Changes to one alert; what is not given stays as the alert has it."""

    off: bool = False
    """Leave the alert, its proof and its tests out."""
    hold: timedelta | None = field(default=None, metadata={"key": "for"})
    """How long the expression must be true before the alert fires."""
    keep_firing_for: timedelta | None = None
    """How long the alert goes on firing after the expression was last true."""
    severity: str | None = None
    """critical, warning or info."""
    verdict: Verdict | None = None
    """observe, avoid, cordon or drain."""
    soak: timedelta | None = None
    """How long health must be seen before the fault counts as gone."""
    thresholds: Mapping[str, float | timedelta] = field(default_factory=dict)
    """The figures in the alert's expression, by name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Intervals:
    """How often samples come: coverage and freshness are counted in these."""

    scrape: timedelta = timedelta(seconds=15)
    evaluation: timedelta = timedelta(seconds=15)


def tune(alert: Alert, settings: AlertSettings, soak_scale: float = 1.0) -> Alert:
    """Return the alert as the user wants it; TuningError for what it does not have."""
    changes: dict[str, object] = {
        name: value
        for name in ("hold", "keep_firing_for", "severity")
        if (value := getattr(settings, name)) is not None
    }
    if alert.fault and settings.verdict is not None:
        changes["fault"] = dataclasses.replace(alert.fault, verdict=settings.verdict)
    elif settings.verdict is not None:
        raise TuningError(f"verdict: {alert.name} is for people; the bridge does not act on it")
    changes["proof"] = _proof(alert, settings, soak_scale)
    changes["thresholds"] = tuple(_threshold(t, settings.thresholds) for t in alert.thresholds)
    return dataclasses.replace(alert, **changes)  # type: ignore[arg-type]  # names are the fields


def _proof(alert: Alert, settings: AlertSettings, soak_scale: float) -> Proof | None:
    if alert.proof:
        soak = settings.soak if settings.soak is not None else alert.proof.soak * soak_scale
        return dataclasses.replace(alert.proof, soak=soak)
    if settings.soak is not None:
        raise TuningError(f"soak: {alert.name} is for people; it has no proof")
    return None


def _threshold(threshold: Threshold, values: Mapping[str, float | timedelta]) -> Threshold:
    value = values.get(threshold.name, threshold.default)
    return dataclasses.replace(threshold, default=value)


def figure(alert: Alert, at: At) -> float:
    """Return the number that a scenario's value stands for under the alert's thresholds."""
    for threshold in alert.thresholds:
        if threshold.name == at.threshold and not isinstance(threshold.default, timedelta):
            return threshold.default * at.times + at.plus
    raise ValueError(f"{alert.name} has no threshold {at.threshold} that is a number")


def _figures(alert: Alert) -> dict[str, str]:
    return {
        t.name: duration(t.default) if isinstance(t.default, timedelta) else f"{t.default:{EXACT}}"
        for t in alert.thresholds
    }


def expression(alert: Alert) -> str:
    """Return the alert's PromQL with its thresholds put in; KeyError for an unknown one."""
    return Template(alert.expr).substitute(_figures(alert))


def text(alert: Alert, template: str) -> str:
    """Return one of the alert's texts with its thresholds put in; `$labels` stays."""
    return Template(template).safe_substitute(_figures(alert))
