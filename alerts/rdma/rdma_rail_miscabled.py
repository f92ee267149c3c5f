"""A port is plugged into another leaf than its rail should be."""

from datetime import timedelta

from alerts.devices import PORT
from alerts.model import Alert, Scenario, Signal
from alerts.ports import IS_THERE, of_port
from alerts.promql import Series, select
from catalog.topology import RDMA_RAIL_MISCABLED

WRONG = select(RDMA_RAIL_MISCABLED, rail="1", leaf="leaf-2", expected="leaf-1")
ANY = Series(RDMA_RAIL_MISCABLED.name)

ALERT = Alert(
    name="RdmaRailMiscabled",
    device=PORT,
    expr=of_port(f"{ANY} == 1"),
    hold=timedelta(minutes=10),
    severity="warning",
    summary=f"{PORT.title} is plugged into the wrong leaf",
    description=(
        f"{PORT.title} hangs on another leaf than the one declared for its rail. Somebody "
        "swapped cables; swap them back when the node is free, or correct the declaration."
    ),
    why="Traffic of the rail crosses the spines, and slows all jobs that share them.",
    first_step=(
        "See the labels leaf and expected of railwatch_rdma_rail_miscabled, then the cable at "
        "the switch."
    ),
    scenarios=(
        Scenario(
            name="two cables are swapped",
            signals=(
                *IS_THERE,
                Signal(series=WRONG, healthy=0, below=0, faulty=1),
            ),
        ),
    ),
)
