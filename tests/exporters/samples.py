"""Makes outcomes and cycles for tests of the program's side."""

from exporters.facility import ATTACHED, Cycle, End, Outcome, State
from exporters.moment import Moment
from exporters.sample import Note, Sample


def at(seconds: float) -> Moment:
    """Return a moment so many seconds after both clocks began; the wall's began at 1,000,000."""
    return Moment(mono=seconds, wall=1_000_000 + seconds)


def outcome(
    facility: str,
    *samples: Sample,
    notes: dict[str, str | int | float] | None = None,
    state: State = State.OK,
    problem: str = "",
) -> Outcome:
    return Outcome(
        facility=facility,
        state=state,
        seconds=0.01,
        samples=samples,
        notes=tuple(Note(name, value) for name, value in (notes or {}).items()),
        problem=problem,
    )


def attached(**notes: str | float) -> Outcome:
    return outcome(ATTACHED, notes=notes)


def cycle(*outcomes: Outcome, end: End = End.OK, problem: str = "") -> Cycle:
    return Cycle(outcomes=outcomes, end=end, problem=problem)
