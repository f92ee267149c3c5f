"""`--check`: how each facility stands here, and what would give it what it lacks."""

from collections.abc import Iterable, Iterator, Mapping

from exporters.facility import State
from exporters.ledger import Standing
from exporters.needs import Need, lacking
from exporters.settings import Settings

Lacks = Mapping[str, tuple[tuple[Need, str], ...]]

BROKEN = (State.FAILED, State.HUNG)


def report(settings: Settings, standings: Iterable[Standing]) -> tuple[str, bool]:
    """Return what is to be printed, and whether everything that could work here does.

    Hardware that is not there is nothing wrong; what lacks a need, fails or hangs is.
    """
    found = {f"{one.family}.{one.facility}": one for one in standings}
    lacks = lacking(settings)
    lines = [*_facilities(found, lacks), *_remedies(lacks)]
    broken = any(one.state in BROKEN for one in found.values())
    return "".join(f"{line}\n" for line in lines), not broken and not any(lacks.values())


def _facilities(found: Mapping[str, Standing], lacks: Lacks) -> Iterator[str]:
    for key in sorted({*found, *lacks}):
        yield f"{key}: {_said(found.get(key), lacks.get(key, ()))}"


def _said(standing: Standing | None, lacks: tuple[tuple[Need, str], ...]) -> str:
    state = standing.state if standing else State.ABSENT
    words = {State.OK: "works", State.ABSENT: "nothing to read here"}.get(state, str(state))
    problem = standing.problem if standing and state is not State.OK else ""
    parts = [f"{words} ({problem})" if problem else words]
    parts += [f"lacks {need.name} ({why})" for need, why in lacks]
    return "; ".join(parts)


def _remedies(lacks: Lacks) -> Iterator[str]:
    """Yield, once for each need that lacks, the lines that give it."""
    for need in dict.fromkeys(need for told in lacks.values() for need, _ in told):
        yield f"\n# {need.name}: {need.privilege}. In the DaemonSet's spec.template.spec:"
        yield need.gives.rstrip()
