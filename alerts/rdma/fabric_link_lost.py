"""A link of the fabric that was there is gone."""

from datetime import timedelta

from alerts.devices import FLEET
from alerts.model import Alert, Scenario, Signal
from alerts.promql import Series, select
from catalog.fabric import FABRIC_LINK_LOST
from catalog.labels import CLUSTER

LOST = Series(FABRIC_LINK_LOST.name)
ONE = select(FABRIC_LINK_LOST, switch="leaf-1", port="33")

ALERT = Alert(
    name="FabricLinkLost",
    device=FLEET,
    needs_fleet=True,
    expr=f"count by ({CLUSTER}) ({LOST} == 1) > 0",
    hold=timedelta(minutes=30),
    severity="warning",
    summary="The fabric has lost links",
    description=(
        "The InfiniBand fabric lacks links that were there since the exporter started "
        "(railwatch_fabric_link_lost names both ends). A node that was switched off takes its "
        "links along; between switches it is cable, port or switch."
    ),
    why="The fabric has less bandwidth between its leaves than it was built with.",
    first_step=(
        "Sort railwatch_fabric_link_lost by whether the peer is a switch; look at those first."
    ),
    scenarios=(
        Scenario(
            name="an uplink is gone",
            signals=(Signal(series=ONE, healthy=0, below=0, faulty=1),),
        ),
    ),
)
