"""The whole fleet at a glance, in sums: how many devices work, what is wrong, where to look."""

from catalog.exporter import COLLECTOR, COLLECTOR_STATE
from catalog.gpu import (
    GPU_MEMORY_CAPACITY,
    GPU_MEMORY_USED,
    GPU_POWER,
    GPU_POWER_LIMIT,
    GPU_STATE,
    GPU_UTILIZATION,
    GPU_XID_ERRORS,
)
from catalog.labels import CONDITION, NODE, VERDICT
from catalog.rdma import (
    RDMA_PORT_LINK_DOWNED,
    RDMA_PORT_RATE,
    RDMA_PORT_RECEIVE,
    RDMA_PORT_TRANSMIT,
)
from dashboards import variables
from dashboards.links import FLEET_UID, to_node
from dashboards.model import (
    Board,
    Chart,
    Column,
    Listing,
    Panel,
    Query,
    Section,
    Unit,
)
from dashboards.promql import Scope, fleet_scope, increase, rate
from dashboards.sections import faults, totals
from dashboards.settings import Settings
from dashboards.states import colors

BUSY = 0.05
"""A GPU counts as busy above this utilisation; below it lie monitoring and idle processes."""

_NO_GPU = "No exporter reports a GPU."
_NO_PORT = "No exporter reports an RDMA port."


def dashboard(settings: Settings) -> Board:
    """Describe the dashboard of the fleet."""
    scope = fleet_scope(settings)
    return Board(
        uid=FLEET_UID,
        title="railwatch / Fleet",
        description="All GPUs and RDMA ports in sums: what works, what is wrong, what is blind.",
        variables=(variables.cluster(settings),),
        sections=(
            totals.now(scope),
            Section(
                title="Where to look",
                panels=(faults.by_node(scope), _silent(scope), _collectors(scope)),
            ),
            Section(
                title="GPUs",
                panels=(_states(scope), _busy(scope), _memory(scope), _power(scope)),
            ),
            Section(title="Faults", panels=(_open(scope), _xids(scope))),
            Section(title="RDMA", panels=(_throughput(scope), _links_lost(scope))),
        ),
        annotations=(),
    )


def _silent(scope: Scope) -> Panel:
    return Panel(
        title="Exporters down by node",
        description="Nodes whose exporter does not answer. Their conditions go Unknown after the "
        "bridge's grace; nothing is tainted for silence.",
        unit=Unit.NONE,
        view=Listing(
            columns=(
                Column(field=scope.cluster, title="Cluster"),
                Column(field=NODE, title="Node", link=to_node()),
            )
        ),
        queries=(Query(expr=f"max by {scope.labels()} ({scope.up()}) == 0"),),
        no_data="Every exporter answers.",
        width=12,
    )


def _collectors(scope: Scope) -> Panel:
    unwell = scope.select(COLLECTOR_STATE, 'state=~"failed|hung"')
    return Panel(
        title="Nodes with a blind collector",
        description="Nodes on which a facility is there but cannot be read, or does not answer "
        "in time. Its faults can neither be seen nor be proven gone.",
        unit=Unit.NUMBER,
        view=Chart(),
        queries=(
            Query(
                expr=f"sum by ({', '.join(COLLECTOR)}) ({unwell})",
                legend="{{family}}/{{facility}}",
            ),
        ),
        no_data="No exporter was heard.",
    )


def _states(scope: Scope) -> Panel:
    return Panel(
        title="GPUs by state",
        description=f"{GPU_STATE.help} A fall of the whole stack means exporters not heard.",
        unit=Unit.NUMBER,
        view=Chart(stacked=True, fixed=colors(GPU_STATE)),
        queries=(Query(expr=f"sum by (state) ({scope.select(GPU_STATE)})", legend="{{state}}"),),
        no_data=_NO_GPU,
    )


def _busy(scope: Scope) -> Panel:
    used = scope.select(GPU_UTILIZATION)
    return Panel(
        title="GPUs busy",
        description=f"Share of the GPUs that are more than {BUSY:.0%} utilised, and the mean "
        "utilisation over all. A wide gap means jobs that hold GPUs without feeding them.",
        unit=Unit.RATIO,
        view=Chart(maximum=1),
        queries=(
            Query(expr=f"avg({used} > bool {BUSY})", legend="busy"),
            Query(expr=f"avg({used})", legend="mean utilisation"),
        ),
        no_data=_NO_GPU,
    )


def _memory(scope: Scope) -> Panel:
    return Panel(
        title="GPU memory",
        description="Framebuffer memory allocated by processes; dashed: what there is.",
        unit=Unit.BYTES,
        view=Chart(dashed=("capacity",)),
        queries=(
            Query(expr=f"sum({scope.select(GPU_MEMORY_USED)})", legend="in use"),
            Query(expr=f"sum({scope.select(GPU_MEMORY_CAPACITY)})", legend="capacity"),
        ),
        no_data=_NO_GPU,
    )


def _power(scope: Scope) -> Panel:
    return Panel(
        title="GPU power",
        description="Power draw of all boards; dashed: the sum of the limits in force.",
        unit=Unit.WATTS,
        view=Chart(dashed=("limit",)),
        queries=(
            Query(expr=f"sum({scope.select(GPU_POWER)})", legend="draw"),
            Query(expr=f"sum({scope.select(GPU_POWER_LIMIT)})", legend="limit"),
        ),
        no_data=_NO_GPU,
    )


def _open(scope: Scope) -> Panel:
    firing = scope.select("ALERTS", faults.FIRING, faults.BRIDGED)
    return Panel(
        title="Open faults by condition",
        description="Firing alerts that the bridge acts on, by the node condition they set.",
        unit=Unit.NUMBER,
        view=Chart(stacked=True),
        queries=(
            Query(
                expr=f"count by ({CONDITION}, {VERDICT}) ({firing})",
                legend="{{condition}} ({{verdict}})",
            ),
        ),
        no_data="No fault was open in this time range.",
    )


def _xids(scope: Scope) -> Panel:
    return Panel(
        title="Xid errors",
        description="Xid errors in each window over all GPUs, by NVIDIA's own resolution. A code "
        "that asks nothing of the node's owner counts from its second occurrence on.",
        unit=Unit.NUMBER,
        view=Chart(bars=True, stacked=True),
        queries=(
            Query(
                expr=f"sum by (resolution) ({increase(scope.select(GPU_XID_ERRORS))})",
                legend="{{resolution}}",
            ),
        ),
        no_data=_NO_GPU,
    )


def _throughput(scope: Scope) -> Panel:
    return Panel(
        title="RDMA throughput",
        description="Bytes a second over all ports; dashed: what their links could carry in one "
        "direction.",
        unit=Unit.BYTES_PER_SECOND,
        view=Chart(dashed=("capacity",)),
        queries=(
            Query(expr=f"sum({rate(scope.select(RDMA_PORT_RECEIVE))})", legend="received"),
            Query(expr=f"sum({rate(scope.select(RDMA_PORT_TRANSMIT))})", legend="sent"),
            Query(expr=f"sum({scope.select(RDMA_PORT_RATE)})", legend="capacity"),
        ),
        no_data=_NO_PORT,
    )


def _links_lost(scope: Scope) -> Panel:
    return Panel(
        title="RDMA links lost",
        description="Times that links went down in each window, over all ports.",
        unit=Unit.NUMBER,
        view=Chart(bars=True),
        queries=(
            Query(
                expr=f"sum({increase(scope.select(RDMA_PORT_LINK_DOWNED))})", legend="links lost"
            ),
        ),
        no_data=_NO_PORT,
    )
