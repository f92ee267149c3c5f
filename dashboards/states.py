"""How states look: one colour and one wording for each, on every dashboard."""

from catalog.exporter import COLLECTOR_STATE
from catalog.gpu import GPU_STATE
from catalog.metrics import Metric
from dashboards.model import Value

GOOD, WARN, BAD, WORST, BLIND, IDLE = "green", "orange", "red", "dark-red", "purple", "#8e8e8e"

_COLORS = {
    "ok": GOOD,
    "lost": WORST,
    "hung": BAD,
    "missing": WORST,
    "reset_required": WARN,
    "unreadable": BLIND,
    "not_managed": IDLE,
    "starting": IDLE,
    "absent": IDLE,
    "failed": BAD,
}

USE_COLORS = (("busy", GOOD), ("idle", "yellow"), ("free", "blue"), ("lost", BAD))
COVERAGE_COLORS = (("covered", GOOD), ("blind", BLIND), ("silent", WARN))
PORT_COLORS = (("active", GOOD), ("down", BAD), ("other", IDLE))
SEVERITY_COLORS = (("critical", BAD), ("warning", WARN), ("info", "blue"))
VERDICT_COLORS = (("observe", "blue"), ("avoid", "yellow"), ("cordon", WARN), ("drain", BAD))

PORT_STATES = (
    Value(number=1, text="Down", color=BAD),
    Value(number=2, text="Initialize", color=WARN),
    Value(number=3, text="Armed", color="yellow"),
    Value(number=4, text="Active", color=GOOD),
    Value(number=5, text="ActiveDefer", color=BLIND),
)
"""IBTA PortState, as the port's own `state` file numbers it."""

PORT_PHYSICAL_STATES = (
    Value(number=1, text="Sleep", color=IDLE),
    Value(number=2, text="Polling", color=WARN),
    Value(number=3, text="Disabled", color=BAD),
    Value(number=4, text="Training", color="yellow"),
    Value(number=5, text="LinkUp", color=GOOD),
    Value(number=6, text="ErrorRecovery", color=BAD),
    Value(number=7, text="PhyTest", color=BLIND),
)
"""IBTA PortPhysicalState."""

ACTIVE = 4
"""The port state in which traffic flows."""

HEARD = (Value(number=0, text="no", color=BAD), Value(number=1, text="yes", color=GOOD))


def values(metric: Metric) -> tuple[Value, ...]:
    """Return what the numbers of `promql.state_number` mean for this metric."""
    named = (
        Value(number=number, text=state.replace("_", " "), color=_COLORS[state])
        for number, state in enumerate(metric.states, start=1)
    )
    return (Value(number=0, text="none reported", color=BLIND), *named)


def colors(metric: Metric) -> tuple[tuple[str, str], ...]:
    """Return (state, colour) for charts whose legend is the state."""
    return tuple((state, _COLORS[state]) for state in metric.states)


GPU_STATES = values(GPU_STATE)
COLLECTOR_STATES = values(COLLECTOR_STATE)
