"""Unit tests for promtool, made from an alert's scenarios: no alert goes without one of them.

Each alert is shown to fire for the one device that is faulty, and not below its threshold, not
for a fault shorter than its `for`, and not because of a gap, a roll-out or a restart. Each proof
is shown to hold after its soak for the one device that recovered, and not a moment before.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from alerts import comparisons, proofs, rules
from alerts.devices import Device, Place
from alerts.discovery import GLOBAL, SHARD, stem, view
from alerts.model import Alert, Scenario
from alerts.promql import SELECTOR, duration, written
from alerts.timeline import Timeline
from alerts.tuning import Intervals
from alerts.ways import LEAD, REPLACED, Case, Ways
from catalog.labels import NODE, OBSERVED


def rule_files(alert: Alert) -> Iterator[str]:
    """Yield the files of rules that an alert and its proof need, and no more.

    promtool evaluates each of them at every step of every test. What is observed is asked by
    proofs, by what compares nodes, and by few alerts themselves.
    """
    compared = comparisons.files(alert)
    yield f"rules/{view(alert)}/{stem(alert.name)}.yaml"
    if alert.proof or compared or OBSERVED in alert.expr:
        yield f"rules/{SHARD}/recording.yaml"
    for name in compared:
        yield f"rules/{GLOBAL}/{name}.yaml"


@dataclass(frozen=True, slots=True, kw_only=True)
class Cases:
    """The cases of one alert under the user's settings."""

    alert: Alert
    intervals: Intervals
    runbook_url: str
    query: str
    """The proof as it is asked for the first device's node; one text, which YAML writes once."""

    def document(self) -> dict[str, Any]:
        """Return promtool's test file."""
        return {
            "rule_files": [f"../{path}" for path in rule_files(self.alert)],
            "evaluation_interval": duration(self.intervals.evaluation),
            "tests": list(self._tests()) or [self._always()],
        }

    def _tests(self) -> Iterator[dict[str, Any]]:
        for scenario in self.alert.scenarios:
            for case in Ways(alert=self.alert, intervals=self.intervals).of(scenario):
                yield self._test(scenario, case)

    def _test(self, scenario: Scenario, case: Case) -> dict[str, Any]:
        timeline = Timeline(
            alert=self.alert,
            scenario=scenario,
            steps=case.steps,
            interval=self.intervals.scrape,
        )
        made: dict[str, Any] = {
            "name": f"{scenario.name}: {case.name}",
            "interval": duration(self.intervals.scrape),
            "input_series": timeline.input_series(),
            "alert_rule_test": [
                self._alerts(check.scrape, check.firing)
                for check in case.checks
                if check.firing is not None
            ],
            "promql_expr_test": [
                self._proof(check.scrape, check.proven)
                for check in case.checks
                if check.proven is not None and self.alert.proof
            ],
        }
        return {key: value for key, value in made.items() if value}

    def _time(self, scrape: int) -> str:
        """Return the last evaluation by this scrape: promtool knows no samples after it."""
        evaluation = self.intervals.evaluation
        return duration((scrape * self.intervals.scrape) // evaluation * evaluation)

    def _alerts(self, scrape: int, firing: Sequence[int]) -> dict[str, Any]:
        devices = {str(place): place for place in map(self._device, firing)}
        return {
            "eval_time": self._time(scrape),
            "alertname": self.alert.name,
            "exp_alerts": [self._expected(device) for device in devices.values()],
        }

    def _expected(self, device: dict[str, str]) -> dict[str, Any]:
        texts = rules.annotations(self.alert, self.runbook_url)
        shown = {name: device[name] for name in self.alert.device.labels}
        return {
            "exp_labels": rules.alert_labels(self.alert) | shown,
            "exp_annotations": {name: _filled(text, shown) for name, text in texts.items()},
        }

    def _proof(self, scrape: int, proven: Sequence[int]) -> dict[str, Any]:
        return {
            "expr": self.query,
            "eval_time": self._time(scrape),
            "exp_samples": [
                {"labels": self._identity(self._device(which)), "value": 1} for which in proven
            ],
        }

    def _identity(self, device: dict[str, str]) -> str:
        names = self.alert.device.kept
        return "{" + ", ".join(f'{name}="{device[name]}"' for name in names) + "}"

    def _device(self, which: int) -> Place:
        """Return the labels of a sample, or of what replaced the first."""
        device = self.alert.device
        return device.replacement or {} if which == REPLACED else device.samples[which]

    def _always(self) -> dict[str, Any]:
        labels = rules.alert_labels(self.alert)
        texts = rules.annotations(self.alert, self.runbook_url)
        alert = {"exp_labels": labels, "exp_annotations": texts}
        return {
            "name": "fires always, with no series at all",
            "interval": duration(self.intervals.scrape),
            "alert_rule_test": [
                {
                    "eval_time": duration(LEAD * self.intervals.scrape),
                    "alertname": self.alert.name,
                    "exp_alerts": [alert],
                }
            ],
        }


def _filled(text: str, values: dict[str, str]) -> str:
    """Return an annotation as Prometheus writes it for an alert with these labels."""
    return re.sub(r"{{ \$labels\.(\w+) }}", lambda match: values[match[1]], text)


def document(alert: Alert, intervals: Intervals, runbook_url: str) -> dict[str, Any]:
    """Return the test file of one alert."""
    query = written(proofs.query(alert, intervals)) if alert.proof else ""
    return Cases(
        alert=alert,
        intervals=intervals,
        runbook_url=runbook_url,
        query=query.replace(SELECTOR, _asked(alert.device)),
    ).document()


def _asked(device: Device) -> str:
    """Return the matcher by which the bridge asks for the samples; those of a wide kind are two."""
    label = device.identity if device.is_wide else NODE
    values = sorted({place[label] for place in device.samples if label in place})
    return f'{label}=~"{"|".join(values)}"'


def shortest_soak(intervals: Intervals) -> timedelta:
    """Return the shortest soak these intervals allow: three samples of each kind."""
    return 3 * max(intervals.scrape, intervals.evaluation)
