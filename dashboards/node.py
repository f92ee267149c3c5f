"""One node, from its alerts down to each of its devices and what reads them."""

from catalog.exporter import NODE_BOOT_TIME
from catalog.gpu import GPU_ENERGY, GPU_STATE
from catalog.labels import OBSERVED
from catalog.rdma import RDMA_PORT_STATE
from dashboards import variables
from dashboards.links import NODE_UID
from dashboards.model import Board, Figure, Panel, Query, Section, Step, Unit
from dashboards.promql import Scope, count, fleet_scope, node_scope
from dashboards.sections import exporter, faults, gpu, rdma
from dashboards.settings import Settings
from dashboards.states import ACTIVE, HEARD

_ANY = (Step(value=1, color="red"),)


def dashboard(settings: Settings) -> Board:
    """Describe the dashboard of one node."""
    scope = node_scope(settings)
    return Board(
        uid=NODE_UID,
        title="railwatch / Node",
        description="One node's GPUs and RDMA ports: what is wrong, what each does, and whether "
        "it can be read at all.",
        variables=(
            variables.cluster(settings),
            variables.node(fleet_scope(settings)),
            variables.gpu(scope),
            variables.device(scope),
        ),
        sections=(
            _now(scope),
            gpu.state(scope),
            gpu.load(scope),
            gpu.errors(scope),
            rdma.ports(scope),
            exporter.collectors(scope),
        ),
        annotations=(faults.annotation(scope),),
        range="now-3h",
    )


def _now(scope: Scope) -> Section:
    return Section(
        title="Now",
        panels=(
            _exporter(scope),
            _open_faults(scope),
            _gpus_not_ok(scope),
            _ports_not_active(scope),
            _uptime(scope),
            _energy(scope),
            faults.of_node(scope),
        ),
    )


def _exporter(scope: Scope) -> Panel:
    return Panel(
        title="Exporter heard",
        description="Whether Prometheus reaches this node's exporter. While it does not, nothing "
        "below is current and no fault can be proven gone.",
        unit=Unit.NONE,
        view=Figure(values=HEARD),
        queries=(Query(expr=f"min({scope.up()})"),),
        no_data="not scraped",
    )


def _open_faults(scope: Scope) -> Panel:
    firing = scope.select("ALERTS", faults.FIRING, faults.BRIDGED)
    return Panel(
        title="Open faults",
        description="Firing alerts that the bridge acts on.",
        unit=Unit.NUMBER,
        view=Figure(),
        queries=(Query(expr=count(firing, among=scope.select(OBSERVED))),),
        no_data="not judged",
        thresholds=_ANY,
    )


def _gpus_not_ok(scope: Scope) -> Panel:
    not_ok = scope.select(GPU_STATE, 'state!~"ok|not_managed"')
    return Panel(
        title="GPUs not ok",
        description="GPUs that are lost, hung, missing, unreadable or ask for a reset.",
        unit=Unit.NUMBER,
        view=Figure(),
        queries=(Query(expr=f"sum({not_ok})"),),
        no_data="no GPU seen",
        thresholds=_ANY,
    )


def _ports_not_active(scope: Scope) -> Panel:
    return Panel(
        title="RDMA ports not active",
        description="Ports in another state than Active, whether or not they are expected to be.",
        unit=Unit.NUMBER,
        view=Figure(),
        queries=(Query(expr=f"sum({scope.select(RDMA_PORT_STATE)} != bool {ACTIVE})"),),
        no_data="no port seen",
        thresholds=(Step(value=1, color="orange"),),
    )


def _uptime(scope: Scope) -> Panel:
    return Panel(
        title="Time since boot",
        description=f"{NODE_BOOT_TIME.help} A reboot counts as recovery for faults that ask for "
        "one.",
        unit=Unit.DURATION,
        view=Figure(),
        queries=(Query(expr=f"time() - max({scope.select(NODE_BOOT_TIME)})"),),
        no_data="unknown",
    )


def _energy(scope: Scope) -> Panel:
    energy = f"increase({scope.select(GPU_ENERGY)}[1h])"
    return Panel(
        title="GPU energy, last hour",
        description="Energy that the GPUs used in the last hour, where they count it.",
        unit=Unit.KILOWATT_HOURS,
        view=Figure(),
        queries=(Query(expr=f"sum({energy}) / 3.6e6"),),
        no_data="not counted",
    )
