"""The exporter about itself: what it reads, how fresh that is, how long it takes."""

from catalog.exporter import (
    COLLECTOR,
    COLLECTOR_AGE,
    COLLECTOR_DURATION,
    COLLECTOR_STATE,
    EXPORTER_INTERVAL,
)
from dashboards.model import Chart, Panel, Query, Section, Timeline, Unit
from dashboards.promql import Scope, state_number
from dashboards.states import COLLECTOR_STATES

_NAME = "{{family}}/{{facility}}"
_NO_EXPORTER = "This node's exporter was not heard in this time range."


def collectors(scope: Scope) -> Section:
    """Show which facilities can be read at all: what is not read is not known to be healthy."""
    return Section(title="Exporter", panels=(_states(scope), _age(scope), _duration(scope)))


def _states(scope: Scope) -> Panel:
    by = scope.labels(*COLLECTOR)
    return Panel(
        title="Collectors",
        description="Absent: nothing of the kind on this node. Failed: there, but unreadable. "
        "Hung: past its deadline. While a collector is not ok its faults can neither be seen nor "
        "be proven gone.",
        unit=Unit.NONE,
        view=Timeline(values=COLLECTOR_STATES),
        queries=(Query(expr=state_number(scope, COLLECTOR_STATE, by), legend=_NAME),),
        no_data=_NO_EXPORTER,
        width=24,
        height=9,
    )


def _age(scope: Scope) -> Panel:
    return Panel(
        title="Age of the readings",
        description=f"{COLLECTOR_AGE.help} Dashed: three intervals, beyond which a reading "
        "counts as stale.",
        unit=Unit.SECONDS,
        view=Chart(dashed=("stale",)),
        queries=(
            Query(expr=scope.select(COLLECTOR_AGE), legend=_NAME),
            Query(expr=f"3 * max({scope.select(EXPORTER_INTERVAL)})", legend="stale"),
        ),
        no_data=_NO_EXPORTER,
    )


def _duration(scope: Scope) -> Panel:
    return Panel(
        title="Duration of a reading",
        description=COLLECTOR_DURATION.help,
        unit=Unit.SECONDS,
        view=Chart(),
        queries=(Query(expr=scope.select(COLLECTOR_DURATION), legend=_NAME),),
        no_data=_NO_EXPORTER,
    )
