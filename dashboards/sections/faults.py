"""What is wrong right now, as Prometheus judges it: firing alerts."""

from catalog.labels import (
    CONDITION,
    DEVICE,
    GPU,
    NODE,
    PORT,
    SEVERITY,
    VERDICT,
)
from dashboards.links import to_node, to_own_gpu
from dashboards.model import Column, Listing, Panel, Query, Unit, Value
from dashboards.promql import Scope
from dashboards.states import BLIND, GOOD, SEVERITY_COLORS, VERDICT_COLORS, WARN

FIRING = 'alertstate="firing"'
BRIDGED = f'{CONDITION}!=""'
"""Alerts that the bridge acts on; those without a condition are for people."""

_ON_NODES = f'{NODE}!=""'

_ALERT = Column(field="alertname", title="Alert")
SEVERITY_COLUMN = Column(field=SEVERITY, title="Severity", colors=SEVERITY_COLORS)
_CONDITION = Column(field=CONDITION, title="Condition")
VERDICT_COLUMN = Column(field=VERDICT, title="Verdict", colors=VERDICT_COLORS)


ACTION_COLORS = (("applied", GOOD), ("withheld", WARN), ("blind", BLIND))
YES = (Value(number=0, text="no", color=WARN), Value(number=1, text="yes", color=GOOD))
NO_MATTER = (Value(number=0, text="no", color=GOOD), Value(number=1, text="yes", color=WARN))


def _since(scope: Scope, *more: str) -> str:
    """Return when each firing alert became active, in milliseconds."""
    active = scope.select("ALERTS_FOR_STATE", *more)
    return f"{active} * 1000 and ignoring (alertstate) {scope.select('ALERTS', FIRING, *more)}"


def by_node(scope: Scope) -> Panel:
    """List the fleet's firing alerts, one row a node and alert, however many devices it names."""
    labels = scope.labels("alertname", SEVERITY, CONDITION, VERDICT)
    return Panel(
        title="Firing alerts by node",
        description="Alerts that name a node, one row for each node and alert. A verdict says "
        "what the bridge does about it; alerts without one are for people. A node's name leads to "
        "its dashboard.",
        unit=Unit.NUMBER,
        view=Listing(
            columns=(
                Column(field=scope.cluster, title="Cluster"),
                Column(field=NODE, title="Node", link=to_node()),
                _ALERT,
                SEVERITY_COLUMN,
                _CONDITION,
                VERDICT_COLUMN,
                Column(field="Value #A", title="Devices"),
                Column(field="Value #B", title="Since", unit=Unit.TIME),
            )
        ),
        queries=(
            Query(expr=f"count by {labels} ({scope.select('ALERTS', FIRING, _ON_NODES)})"),
            Query(expr=f"min by {labels} ({_since(scope, _ON_NODES)})"),
        ),
        no_data="No alert that names a node is firing.",
    )


def of_node(scope: Scope) -> Panel:
    """List one node's firing alerts with the device each names."""
    return Panel(
        title="Firing alerts",
        description="Every alert firing for this node, with the device it names.",
        unit=Unit.TIME,
        view=Listing(
            columns=(
                _ALERT,
                SEVERITY_COLUMN,
                _CONDITION,
                VERDICT_COLUMN,
                Column(field=GPU, title="GPU", link=to_own_gpu()),
                Column(field=DEVICE, title="RDMA device"),
                Column(field=PORT, title="Port"),
                Column(field="Value", title="Since", unit=Unit.TIME),
            )
        ),
        queries=(Query(expr=_since(scope)),),
        no_data="No alert is firing for this node.",
        width=24,
        height=6,
    )


def annotation(scope: Scope) -> Query:
    """Mark on every chart when alerts fired."""
    return Query(
        expr=scope.select("ALERTS", FIRING), legend="{{alertname}} {{node}} {{gpu}}{{device}}"
    )


def fleet_annotation(scope: Scope) -> Query:
    """Mark when alerts of the highest severity fired, one mark an alert and not a device."""
    firing = scope.select("ALERTS", FIRING, f'{SEVERITY}="critical"')
    return Query(expr=f"count by (alertname, {SEVERITY}) ({firing})", legend="{{alertname}}")
