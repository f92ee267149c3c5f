"""The fleet in six figures."""

from catalog.gpu import GPU_STATE
from catalog.labels import DEVICE, OBSERVED, PORT
from catalog.rdma import RDMA_PORT_EXPECTED, RDMA_PORT_STATE
from dashboards.model import Figure, Panel, Query, Section, Step, Unit
from dashboards.promql import Scope, count
from dashboards.sections import faults
from dashboards.states import ACTIVE

_ANY = (Step(value=1, color="red"),)


def now(scope: Scope) -> Section:
    """Show in one line how much there is and how much of it is not well."""
    return Section(
        title="Now",
        panels=(
            _nodes(scope),
            _exporters_down(scope),
            _gpus(scope),
            _gpus_not_ok(scope),
            _open_faults(scope),
            _ports_down(scope),
        ),
    )


def _nodes(scope: Scope) -> Panel:
    return Panel(
        title="Nodes",
        description="Nodes that Prometheus should scrape an exporter on.",
        unit=Unit.NUMBER,
        view=Figure(),
        queries=(Query(expr=f"count({scope.up()})"),),
        no_data="no exporter",
    )


def _exporters_down(scope: Scope) -> Panel:
    return Panel(
        title="Exporters down",
        description="Nodes whose exporter does not answer: nothing is known of their devices.",
        unit=Unit.NUMBER,
        view=Figure(),
        queries=(Query(expr=f"count({scope.up()}) - sum({scope.up()})"),),
        no_data="no exporter",
        thresholds=(Step(value=1, color="orange"),),
    )


def _gpus(scope: Scope) -> Panel:
    return Panel(
        title="GPUs",
        description="GPUs that the exporters know of, in whatever state.",
        unit=Unit.NUMBER,
        view=Figure(),
        queries=(Query(expr=f"sum({scope.select(GPU_STATE)})"),),
        no_data="no GPU seen",
    )


def _gpus_not_ok(scope: Scope) -> Panel:
    not_ok = scope.select(GPU_STATE, 'state!~"ok|not_managed"')
    return Panel(
        title="GPUs not ok",
        description="GPUs that are lost, hung, missing, unreadable or ask for a reset.",
        unit=Unit.NUMBER,
        view=Figure(trend=True),
        queries=(Query(expr=f"sum({not_ok})"),),
        no_data="no GPU seen",
        thresholds=_ANY,
    )


def _open_faults(scope: Scope) -> Panel:
    firing = scope.select("ALERTS", faults.FIRING, faults.BRIDGED)
    return Panel(
        title="Open faults",
        description="Firing alerts that the bridge acts on. 0 is shown only where railwatch's "
        "rules are evaluated.",
        unit=Unit.NUMBER,
        view=Figure(trend=True),
        queries=(Query(expr=count(firing, among=scope.select(OBSERVED))),),
        no_data="not judged",
        thresholds=_ANY,
    )


def _ports_down(scope: Scope) -> Panel:
    port = scope.labels(DEVICE, PORT)
    expected = f"max by {port} ({scope.select(RDMA_PORT_EXPECTED)}) == 1"
    active = f"{scope.select(RDMA_PORT_STATE)} == {ACTIVE}"
    missing = f"{expected} unless on {port} ({active})"
    return Panel(
        title="RDMA ports down",
        description="Ports that should be active and are not, or are not seen at all.",
        unit=Unit.NUMBER,
        view=Figure(trend=True),
        queries=(Query(expr=count(missing, among=scope.select(RDMA_PORT_STATE))),),
        no_data="no port seen",
        thresholds=_ANY,
    )
