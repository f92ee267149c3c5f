"""The fabric's discovery did not reach all of it, so that what is missing may be there."""

from datetime import timedelta

from alerts.devices import FLEET
from alerts.model import Alert, Scenario, Signal
from alerts.promql import Series
from catalog.fabric import FABRIC_COMPLETE
from catalog.labels import CLUSTER

COMPLETE = Series(FABRIC_COMPLETE.name)

ALERT = Alert(
    name="FabricDiscoveryIncomplete",
    device=FLEET,
    needs_fleet=True,
    expr=f"min by ({CLUSTER}) ({COMPLETE}) == 0",
    hold=timedelta(minutes=30),
    severity="warning",
    summary="The fabric is not seen as a whole",
    description=(
        "The last discoveries of the InfiniBand fabric did not get an answer from every node. "
        "Look at the exporter that runs the fabric collector, at the subnet manager (sminfo), "
        "and at railwatch_fabric_tool_failures_total."
    ),
    why="Lost and bad links of the part that is not seen go unnoticed.",
    first_step="Run ibnetdiscover on that node and read what it complains of.",
    scenarios=(
        Scenario(
            name="a node does not answer",
            signals=(Signal(series=COMPLETE, healthy=1, below=1, faulty=0),),
        ),
    ),
)
