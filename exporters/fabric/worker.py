"""What the worker of the fabric family works on: the whole fabric, through the tools."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from exporters.fabric import counters
from exporters.fabric.fabric import Toolbox
from exporters.fabric.notes import FAILURE, MADS
from exporters.fabric.rounds import Rounds
from exporters.fabric.survey import Plan, Survey
from exporters.facility import Facility, Outcome
from exporters.post import Target
from exporters.registry import FABRIC, chosen
from exporters.runtime import run
from exporters.sample import Note
from exporters.settings import Settings


class FabricSession:
    """The fabric, from discovery to discovery."""

    notes: tuple[Note, ...] = ()
    lasting = True

    def __init__(self, settings: Settings) -> None:
        """Open nothing: each run of a tool opens the HCA anew."""
        self._survey = Survey(plan(settings))
        self._rounds = Rounds(self._survey)
        self._facilities = chosen(FABRIC, settings.facilities)
        self._told = 0

    def cycle(self) -> Iterator[Outcome]:
        """Run each facility; what the tools failed at and cost is told with it."""
        for facility in self._facilities:
            outcome = self._run(facility)
            yield replace(outcome, notes=(*outcome.notes, *self._notes()))

    def _run(self, facility: Facility[Any]) -> Outcome:
        device = self._rounds if facility is counters.FACILITY else self._survey
        return run(facility, (device,))

    def _notes(self) -> Iterator[Note]:
        for error in self._survey.failures:
            yield Note(FAILURE, f"{error.tool} {error.reason}")
        self._survey.failures.clear()
        spent = self._survey.budget.spent
        yield Note(MADS, spent - self._told)
        self._told = spent


def plan(settings: Settings) -> Plan:
    """Return how the settings want the fabric surveyed."""
    return Plan(
        interval=settings.fabric_interval,
        mad_rate=settings.fabric_mad_rate,
        traffic=settings.fabric_traffic,
        tools=Toolbox(
            deadline=settings.fabric_timeout, ca=settings.fabric_ca, port=settings.fabric_port
        ),
    )


def attach(settings: Settings, _target: Target) -> FabricSession:
    """Open the fabric."""
    return FabricSession(settings)
