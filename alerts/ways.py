"""The ways on which an alert and its proof are tested: what happens, and what must be so then.

Faults come, go and are repaired; the watching of them fails in every way that it can; a device is
replaced. `cases` writes them down for promtool.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from alerts.model import Alert, Scenario
from alerts.promql import FRESH_INTERVALS, UP
from alerts.timeline import Phase, Step
from alerts.tuning import Intervals

LEAD = 20
"""Scrapes before anything happens."""

BOTH = (0, 1)

REPLACED = 2
"""The device that took the first one's place."""

INTERRUPTED = (
    "a Prometheus that starts, a gap in the samples, failing scrapes and an exporter roll-out "
    "neither fire nor prove; a dead exporter, whose last samples are still found, proves nothing"
)


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
class Ways:
    """The cases of one alert under the user's settings; lengths are counted in scrapes."""

    alert: Alert
    intervals: Intervals

    def of(self, scenario: Scenario) -> Iterator[Case]:
        """Yield every case of a scenario."""
        yield from self._firing(scenario)
        yield from self._watching(scenario)
        yield from self._proving()

    @property
    def _hold(self) -> int:
        """How many scrapes the fault must last."""
        return math.ceil((self.alert.hold + self.alert.notices) / self.intervals.scrape)

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
    def _forgotten(self) -> int:
        """Scrapes until nothing is fresh; what is recorded of a wide thing lags by evaluations."""
        lag = 2 * self._rounded + 1 if self.alert.device.is_wide else 0
        return FRESH_INTERVALS + self._rounded + lag

    @property
    def _gap(self) -> int:
        """Scrapes in a gap that is too long to be covered, nor is the sample before it fresh."""
        forgotten = self._forgotten
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
        if self._hold > 1 and not self.alert.notices:
            short = self._hold - 1
            yield Case(
                "is silent when the fault passes sooner than its time",
                (Step(Phase.HEALTHY, LEAD), Step(Phase.FAULTY, short), Step(Phase.HEALTHY, LEAD)),
                (Check(LEAD + short - 1, firing=()), Check(2 * LEAD + short - 1, firing=())),
            )

    def _watching(self, scenario: Scenario) -> Iterator[Case]:
        """Yield the cases in which the device is well and the watching is not."""
        if (
            any(s.series.metric == UP.metric for s in scenario.signals)
            and self._hold <= self._gap + self._slack
        ):
            return  # to this alert the gap is the fault
        yield self._interrupted()
        if self.alert.device.replacement:
            yield self._swapped()

    def _interrupted(self) -> Case:
        """Return all the ways of losing sight on one timeline: each soak between two serves both.

        The exporter's death comes last, as nothing is seen after it.
        """
        well = self._soak + self._slack
        steps = [Step(Phase.AWAY, LEAD), Step(Phase.HEALTHY, well)]
        checks = [
            Check(LEAD, firing=(), proven=()),
            Check(LEAD + self._soak // 2, firing=(), proven=()),
            Check(LEAD + well - 1, firing=(), proven=BOTH),
        ]
        at = LEAD + well
        for phase in (Phase.AWAY, Phase.FAILING, Phase.REPLACED):
            steps += [Step(phase, self._gap), Step(Phase.HEALTHY, well)]
            checks += self._blinded(at)
            at += self._gap + well
        steps.append(Step(Phase.DEAD, self._slack + 4))
        checks.append(Check(at + self._slack + 3, proven=()))
        return Case(INTERRUPTED, tuple(steps), tuple(checks))

    def _blinded(self, start: int) -> Iterator[Check]:
        """Yield what must be so in a gap that begins here, and after it."""
        after = start + self._gap
        yield Check(start + self._forgotten - 1, firing=(), proven=())
        yield Check(after - 1, firing=(), proven=())
        yield Check(after, firing=(), proven=())
        yield Check(after + self._soak + self._slack - 1, firing=(), proven=BOTH)

    def _swapped(self) -> Case:
        before = self._soak + self._slack
        both = (1, REPLACED) if self.alert.proof else None
        return Case(
            "a replaced device neither fires nor proves the one that is gone",
            (Step(Phase.HEALTHY, before), Step(Phase.SWAPPED, before)),
            (
                Check(before, firing=()),
                Check(before + self._gap, firing=()),
                Check(2 * before - 1, firing=(), proven=both),
            ),
        )

    def _proving(self) -> Iterator[Case]:
        """Yield the case that is about the proof alone."""
        if not self.alert.proof:
            return
        lead = self._soak + self._slack
        lasts = self._hold + self._slack
        repaired = lead + lasts
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
                Check(repaired + lead - 1, firing=self._left(lead), proven=(0,)),
            ),
        )

    def _left(self, lead: int) -> Sequence[int] | None:
        """Return who still fires at the end; None where the first may still, for its memory."""
        memory = math.ceil(self.alert.keep_firing_for / self.intervals.scrape) + self._slack
        looks_back = "[" in self.alert.expr
        return (1,) if memory < lead and not looks_back else None
