"""RDMA ports by rail and leaf switch: how many work, what they carry, what holds them up."""

from collections.abc import Iterator

from alerts.recorded.model import RecordingSettings, Rule
from catalog import fleet as recorded
from catalog.fleet import RAIL
from catalog.labels import NODE
from catalog.rdma import PORT, RDMA_PORT_EXPECTED, RDMA_PORT_RATE, RDMA_PORT_STATE
from catalog.rdma_ethernet import RDMA_FEC_UNCORRECTABLE, RDMA_PAUSE_SECONDS
from catalog.rdma_link import RDMA_BIT_ERROR_RATIO, RDMA_LINK_DOWNS, SYMBOL
from catalog.rdma_modules import RDMA_MODULE_FLAGS
from catalog.topology import RDMA_TOPOLOGY_INFO, UNKNOWN

_ACTIVE = 4
"""IBTA PortState."""


BIT_ERROR_LIMIT = 1e-14
"""Symbol errors a bit beyond which NVIDIA's UFM wants a link looked at (see catalog.rdma_link)."""

_SUSPECT = {
    recorded.BIT_ERRORS: f'{RDMA_BIT_ERROR_RATIO.name}{{errors="{SYMBOL}"}} > {BIT_ERROR_LIMIT:g}',
    recorded.DOWNS: f"increase({RDMA_LINK_DOWNS.name}[1d]) >= 2",
    recorded.UNCORRECTABLE: f"increase({RDMA_FEC_UNCORRECTABLE.name}[1d]) >= 1",
    recorded.MODULE: f"{RDMA_MODULE_FLAGS.name} > 0",
}


def rules(settings: RecordingSettings) -> Iterator[Rule]:
    """Yield the rules of the fabric."""
    for state, ports in _ports(settings):
        yield Rule(
            metric=recorded.RAIL_PORTS,
            expr=f"count by {settings.by(*RAIL)} ({_placed(settings, ports)})",
            labels={"state": state},
        )
    yield Rule(metric=recorded.RAIL_CAPACITY, expr=_summed(settings, RDMA_PORT_RATE.name))
    for counter, rate in recorded.RAIL_RATES.items():
        moved = f"rate({counter.name}[{recorded.RATE_WINDOW}])"
        yield Rule(metric=rate, expr=_summed(settings, moved))
    paused = f"rate({RDMA_PAUSE_SECONDS.name}[{recorded.RATE_WINDOW}])"
    worst = f"max by {settings.by(NODE, *PORT, 'direction')} ({paused})"
    yield Rule(metric=recorded.RAIL_PAUSED, expr=_summed(settings, worst, "direction"))
    for reason, bad in _SUSPECT.items():
        yield Rule(
            metric=recorded.LINK_SUSPECT,
            expr=f"max by {settings.by(NODE, *PORT)} ({bad})",
            labels={"reason": reason},
        )


def _summed(settings: RecordingSettings, ports: str, *labels: str) -> str:
    return f"sum by {settings.by(*RAIL, *labels)} ({_placed(settings, ports)})"


def _placed(settings: RecordingSettings, ports: str) -> str:
    """Return the ports' values with the rail and leaf of each, where these are known."""
    on = settings.by(NODE, *PORT)
    info = f"max by {settings.by(NODE, *PORT, *RAIL)} ({RDMA_TOPOLOGY_INFO.name})"
    rail = ", ".join(RAIL)
    placed = f"({ports}) * on {on} group_left ({rail}) {info} or ({ports}) unless on {on} {info}"
    for label in RAIL:
        placed = f'label_replace({placed}, "{label}", "{UNKNOWN}", "{label}", "")'
    return placed


def _ports(settings: RecordingSettings) -> Iterator[tuple[str, str]]:
    on = settings.by(NODE, *PORT)
    expected = f"max by {on} ({RDMA_PORT_EXPECTED.name}) == 1"
    active = f"max by {on} ({RDMA_PORT_STATE.name} == {_ACTIVE})"
    inactive = f"max by {on} ({RDMA_PORT_STATE.name} != {_ACTIVE})"
    yield recorded.ACTIVE, active
    yield recorded.DOWN, f"{expected} unless on {on} {active}"
    yield recorded.OTHER, f"{inactive} unless on {on} {expected}"
