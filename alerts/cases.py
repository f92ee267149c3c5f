"""Unit tests for promtool, made from an alert's scenarios: no alert goes without one of them.

Each alert is shown to fire for the one device that is faulty, and not below its threshold, not
for a fault shorter than its `for`, and not because of a gap, a roll-out or a restart. Each proof
is shown to hold after its soak for the one device that recovered, and not a moment before.
"""

import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from alerts import proofs, rules
from alerts.discovery import stem
from alerts.model import Alert, Scenario
from alerts.promql import FRESH_INTERVALS, SELECTOR, UP, duration, written
from alerts.timeline import Phase, Step, Timeline
from alerts.tuning import Intervals
from catalog.labels import NODE

LEAD = 20
"""Scrapes before anything happens."""

BOTH = (0, 1)


@dataclass(frozen=True, slots=True)
class Check:
    """What must be so at a scrape: who fires, who is proven; None asks nothing."""

    scrape: int
    firing: Sequence[int] | None = None
    proven: Sequence[int] | None = None


@dataclass(frozen=True, slots=True)
class Case:
    """A scenario's way through some steps, with what must be so on the way."""

    name: str
    steps: tuple[Step, ...]
    checks: tuple[Check, ...]


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
            "rule_files": [f"../rules/{stem(self.alert.name)}.yaml", "../rules/recording.yaml"],
            "evaluation_interval": duration(self.intervals.evaluation),
            "tests": list(self._tests()) or [self._always()],
        }

    def _tests(self) -> Iterator[dict[str, Any]]:
        for scenario in self.alert.scenarios:
            for case in (*self._firing(scenario), *self._watching(scenario), *self._proving()):
                yield self._test(scenario, case)

    @property
    def _hold(self) -> int:
        """How many scrapes the fault must last."""
        return math.ceil(self.alert.hold / self.intervals.scrape)

    @property
    def _rounded(self) -> int:
        """By how many scrapes at most the time asked is rounded down."""
        return math.ceil(self.intervals.evaluation / self.intervals.scrape)

    @property
    def _slack(self) -> int:
        """Scrapes until a change has certainly been judged, though the time asked is rounded."""
        return 1 + 3 * self._rounded

    @property
    def _soak(self) -> int:
        """Scrapes in a soak; some, where there is no proof."""
        proof = self.alert.proof
        return math.ceil(proof.soak / self.intervals.scrape) if proof else LEAD

    @property
    def _gap(self) -> int:
        """Scrapes in a gap that is too long to be covered, nor is the sample before it fresh."""
        forgotten = FRESH_INTERVALS + self._rounded
        return max(forgotten, math.ceil(self._soak / 4)) if self.alert.proof else forgotten

    def _firing(self, scenario: Scenario) -> Iterator[Case]:
        """Yield the cases about the threshold and the time it must be passed for."""
        lasts = self._hold + self._slack
        yield Case(
            "fires for the faulty device",
            (Step(Phase.HEALTHY, LEAD), Step(Phase.FAULTY, lasts + 1)),
            (Check(LEAD - 1, firing=()), Check(LEAD + lasts, firing=(0,))),
        )
        if any(signal.below is not None for signal in scenario.signals):
            yield Case(
                "is silent just below the threshold",
                (Step(Phase.HEALTHY, LEAD), Step(Phase.BELOW, lasts + 1)),
                (Check(LEAD, firing=()), Check(LEAD + lasts, firing=())),
            )
        if self._hold > 1:
            short = self._hold - 1
            yield Case(
                "is silent when the fault passes sooner than its time",
                (Step(Phase.HEALTHY, LEAD), Step(Phase.FAULTY, short), Step(Phase.HEALTHY, LEAD)),
                (Check(LEAD + short - 1, firing=()), Check(2 * LEAD + short - 1, firing=())),
            )

    def _watching(self, scenario: Scenario) -> Iterator[Case]:
        """Yield the cases in which the device is well and the watching is not."""
        if any(s.series == UP for s in scenario.signals) and self._hold <= self._gap + self._slack:
            return  # to this alert the gap is the fault
        for phase, what in (
            (Phase.AWAY, "a gap in the samples"),
            (Phase.FAILING, "failing scrapes"),
            (Phase.REPLACED, "an exporter roll-out"),
        ):
            yield self._interrupted(f"{what} neither fires nor proves", phase)
        yield self._restarted()

    def _interrupted(self, name: str, phase: Phase) -> Case:
        before = self._soak + self._slack
        after = before + self._gap
        end = after + before - 1
        return Case(
            name,
            (Step(Phase.HEALTHY, before), Step(phase, self._gap), Step(Phase.HEALTHY, before)),
            (
                Check(before - 1, firing=(), proven=BOTH),
                Check(before + FRESH_INTERVALS + self._rounded - 1, firing=(), proven=()),
                Check(after - 1, firing=(), proven=()),
                Check(after, firing=(), proven=()),
                Check(end, firing=(), proven=BOTH),
            ),
        )

    def _restarted(self) -> Case:
        lasts = self._soak + self._slack
        return Case(
            "a Prometheus that starts neither fires nor proves",
            (Step(Phase.AWAY, LEAD), Step(Phase.HEALTHY, lasts)),
            (
                Check(LEAD, firing=(), proven=()),
                Check(LEAD + self._soak // 2, firing=(), proven=()),
                Check(LEAD + lasts - 1, firing=(), proven=BOTH),
            ),
        )

    def _proving(self) -> Iterator[Case]:
        """Yield the cases that are about the proof alone."""
        if not self.alert.proof:
            return
        lead = self._soak + self._slack
        lasts = self._hold + self._slack
        repaired = lead + lasts
        yield Case(
            "a dead exporter proves nothing though its last samples are still found",
            (Step(Phase.HEALTHY, lead), Step(Phase.DEAD, self._slack + 4)),
            (Check(lead - 1, proven=BOTH), Check(lead + self._slack + 3, proven=())),
        )
        yield Case(
            "proves the repaired device after the soak, and only it",
            (
                Step(Phase.HEALTHY, lead),
                Step(Phase.FAULTY, lasts, other=Phase.FAULTY),
                Step(Phase.RECOVERED, lead, other=Phase.FAULTY),
            ),
            (
                Check(repaired - 1, proven=()),
                Check(repaired + self._soak // 2, proven=()),
                Check(repaired + lead - 1, proven=(0,)),
            ),
        )

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
        devices = [self.alert.device.samples[which] for which in firing]
        return {
            "eval_time": self._time(scrape),
            "alertname": self.alert.name,
            "exp_alerts": [self._expected(device) for device in devices],
        }

    def _expected(self, device: dict[str, str]) -> dict[str, Any]:
        texts = rules.annotations(self.alert, self.runbook_url)
        shown = {name: device[name] for name in self.alert.device.labels}
        return {
            "exp_labels": rules.alert_labels(self.alert) | shown,
            "exp_annotations": {name: _filled(text, shown) for name, text in texts.items()},
        }

    def _proof(self, scrape: int, proven: Sequence[int]) -> dict[str, Any]:
        devices = self.alert.device.samples
        return {
            "expr": self.query,
            "eval_time": self._time(scrape),
            "exp_samples": [
                {"labels": self._identity(devices[which]), "value": 1} for which in proven
            ],
        }

    def _identity(self, device: dict[str, str]) -> str:
        names = [NODE, self.alert.device.identity] if self.alert.device.identity else [NODE]
        return "{" + ", ".join(f'{name}="{device[name]}"' for name in names) + "}"

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
        query=query.replace(SELECTOR, f'{NODE}="{alert.device.samples[0][NODE]}"'),
    ).document()


def shortest_soak(intervals: Intervals) -> timedelta:
    """Return the shortest soak these intervals allow: three samples of each kind."""
    return 3 * max(intervals.scrape, intervals.evaluation)
