"""One node's RDMA ports: state, traffic, links lost."""

from catalog.labels import DEVICE, GUID, PORT
from catalog.metrics import Metric
from catalog.rdma import (
    RDMA_PORT_INFO,
    RDMA_PORT_LINK_DOWNED,
    RDMA_PORT_PHYSICAL_STATE,
    RDMA_PORT_RATE,
    RDMA_PORT_RECEIVE,
    RDMA_PORT_STATE,
    RDMA_PORT_TRANSMIT,
)
from dashboards.model import Chart, Column, Listing, Panel, Query, Section, Timeline, Unit, Value
from dashboards.promql import Scope, increase, rate
from dashboards.states import PORT_PHYSICAL_STATES, PORT_STATES

_CHOSEN = f'{DEVICE}=~"${DEVICE}"'
_NAME = "{{device}}/{{port}}"
_NO_PORT = "The exporter reports no RDMA port for this choice: look at its collectors below."


def ports(scope: Scope) -> Section:
    """Show which ports there are and whether traffic can flow."""
    return Section(
        title="RDMA ports",
        panels=(
            _state(scope, RDMA_PORT_STATE, title="Port state", values=PORT_STATES),
            _state(
                scope,
                RDMA_PORT_PHYSICAL_STATE,
                title="Physical state",
                values=PORT_PHYSICAL_STATES,
            ),
            _traffic(scope, RDMA_PORT_RECEIVE, title="Received"),
            _traffic(scope, RDMA_PORT_TRANSMIT, title="Sent"),
            _downed(scope),
            _inventory(scope),
        ),
    )


def _state(scope: Scope, metric: Metric, *, title: str, values: tuple[Value, ...]) -> Panel:
    return Panel(
        title=title,
        description=metric.help,
        unit=Unit.NONE,
        view=Timeline(values=values),
        queries=(Query(expr=scope.select(metric, _CHOSEN), legend=_NAME),),
        no_data=_NO_PORT,
    )


def _traffic(scope: Scope, metric: Metric, *, title: str) -> Panel:
    return Panel(
        title=title,
        description=f"{metric.help} Dashed: the slowest link among the ports chosen.",
        unit=Unit.BYTES_PER_SECOND,
        view=Chart(dashed=("link rate",)),
        queries=(
            Query(expr=rate(scope.select(metric, _CHOSEN)), legend=_NAME),
            Query(expr=f"min({scope.select(RDMA_PORT_RATE, _CHOSEN)})", legend="link rate"),
        ),
        no_data=_NO_PORT,
    )


def _downed(scope: Scope) -> Panel:
    return Panel(
        title="Links lost",
        description=f"{RDMA_PORT_LINK_DOWNED.help} Shown: the increase in each window.",
        unit=Unit.NUMBER,
        view=Chart(bars=True),
        queries=(Query(expr=increase(scope.select(RDMA_PORT_LINK_DOWNED, _CHOSEN)), legend=_NAME),),
        no_data=_NO_PORT,
    )


def _inventory(scope: Scope) -> Panel:
    return Panel(
        title="Ports",
        description="Identity of each port. The GUID is what names it; device names can move.",
        unit=Unit.NONE,
        view=Listing(
            columns=(
                Column(field=DEVICE, title="Device"),
                Column(field=PORT, title="Port"),
                Column(field=GUID, title="GUID"),
                Column(field="link_layer", title="Link layer"),
                Column(field="netdev", title="Network interface"),
                Column(field="pci_bus_id", title="PCI address"),
                Column(field="numa_node", title="NUMA node"),
                Column(field="firmware", title="Firmware"),
            )
        ),
        queries=(Query(expr=scope.select(RDMA_PORT_INFO, _CHOSEN)),),
        no_data=_NO_PORT,
        width=12,
        height=8,
    )
