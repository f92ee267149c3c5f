"""Links between switches, or to nodes, are bad by what the fabric's switches say."""

from datetime import timedelta

from alerts.devices import FLEET
from alerts.model import Alert, Scenario, Signal
from alerts.promql import Series, select
from catalog.fabric import FABRIC_LINKS_BAD
from catalog.labels import CLUSTER

BAD = Series(FABRIC_LINKS_BAD.name)
ONE = select(FABRIC_LINKS_BAD, reason="errors")

ALERT = Alert(
    name="FabricLinksBad",
    device=FLEET,
    needs_fleet=True,
    expr=f"sum by ({CLUSTER}) ({BAD}) > 0",
    hold=timedelta(minutes=30),
    severity="warning",
    summary="The fabric has bad links",
    description=(
        "The InfiniBand fabric has links that are down, slow, err or flap, by the switches' own "
        "counters. See the panel of links worth a new cable (railwatch_fabric_link_bad names "
        "both ends and the reason)."
    ),
    why="Routing goes over bad links as over good ones; every job pays for them.",
    first_step="Take the list of railwatch_fabric_link_bad to the racks, worst first.",
    scenarios=(
        Scenario(
            name="one link errs",
            signals=(Signal(series=ONE, healthy=0, below=0, faulty=1),),
        ),
    ),
)
