"""What proves a whole node complete and healthy: the proof behind AcceleratorsUnverified.

There is no alert: a node is unverified until this holds. All that is expected must have been there
and well for the whole soak, counted from the boot. GPUs that others manage, and RDMA devices that
are elsewhere, hold nothing up. How many GPUs there should be must be known; no RDMA port is
expected where none is declared or learned and the exporter finds no such hardware at all.
"""

from datetime import timedelta
from typing import Any

from alerts.evidence import AND, BOOT, rested, watched
from alerts.promql import UP, Series, Window, by, duration, fresh, select, written
from alerts.tuning import Intervals
from catalog.conditions import ACCELERATORS_UNVERIFIED
from catalog.exporter import COLLECTOR_STATE
from catalog.faults import Recovery, Scope
from catalog.gpu import GPU_STATE
from catalog.gpu_state import GPU_EXPECTED
from catalog.labels import NODE, OBSERVED
from catalog.rdma import PORT, RDMA_PORT_EXPECTED, RDMA_PORT_STATE, RDMA_PORTS_EXPECTED
from catalog.verdicts import Verdict

SOAK = timedelta(minutes=10)
FACILITIES = ("gpu/state", "node/boot")
ACTIVE = 4
"""IBTA PortState."""


def entry(intervals: Intervals) -> dict[str, Any]:
    """Return the proof as the proofs file carries it."""
    return {
        "fault": ACCELERATORS_UNVERIFIED.type,
        "condition": ACCELERATORS_UNVERIFIED.type,
        "scope": Scope.NODE.value,
        "verdict": Verdict.CORDON.label,
        "identity": "",
        "recovery": Recovery.NONE.value,
        "soak": duration(SOAK),
        "facilities": list(FACILITIES),
        "query": written(query(intervals)),
    }


def query(intervals: Intervals) -> str:
    """Return PromQL with one series, of value 1, for each node that is complete and healthy."""
    window = Window(length=SOAK, interval=intervals.scrape)
    parts = [
        _gpus(window),
        _ports(window),
        rested(BOOT, window),
        f"{UP.scoped} == 1",
        *(_observed(facility, intervals) for facility in FACILITIES),
    ]
    joined = f"\nand on ({by(NODE)})\n".join(f"(\n{part}\n)" for part in parts)
    return f"group by ({by(NODE)}) (\n{joined}\n)"


def _gpus(window: Window) -> str:
    """Count each GPU that was well, or another's, all through."""
    state = select(GPU_STATE, state=("ok", "not_managed"))
    wanted = _expected(GPU_EXPECTED.name, window)
    return f"{_count(_held(state, window))}\n>= on ({by(NODE)})\n{wanted}"


def _ports(window: Window) -> str:
    """Count each expected port that was active all through."""
    state = Series(RDMA_PORT_STATE.name)
    active = _held(state, window, ACTIVE)
    wanted = f"{Series(RDMA_PORT_EXPECTED.name).scoped} == 1"
    count = _count(f"{active}\nand on ({by(NODE, *PORT)})\n{wanted}")
    none = select(COLLECTOR_STATE, family="rdma", facility="port", state="absent")
    nothing = f"max by ({by(NODE)}) (0 * (\n{_held(none, window)}\n))"
    expected = f"({_expected(RDMA_PORTS_EXPECTED.name, window)}\nor\n{nothing})"
    return f"({count}\nor\nmax by ({by(NODE)}) (0 * {UP.scoped}))\n>= on ({by(NODE)})\n{expected}"


def _held(series: Series, window: Window, value: int = 1) -> str:
    found = series.scoped
    return AND.join(
        [
            f"min_over_time({found}[{window.range}]) == {value}",
            f"max_over_time({found}[{window.range}]) == {value}",
            *watched(series.scoped, window),
        ]
    )


def _count(of: str) -> str:
    return f"count by ({by(NODE)}) (\n{of}\n)"


def _expected(metric: str, window: Window) -> str:
    series = Series(metric)
    return f"max by ({by(NODE)}) ({series.scoped} and {fresh(series.scoped, window.interval)})"


def _observed(facility: str, intervals: Intervals) -> str:
    family, name = facility.split("/")
    seen = Series(OBSERVED, (f'family="{family}"', f'facility="{name}"')).scoped
    window = Window(length=SOAK, interval=intervals.evaluation)
    return AND.join(
        [
            f"{seen} == 1",
            f"sum_over_time({seen}[{window.range}]) >= {window.samples}",
            fresh(seen, window.interval),
        ]
    )
