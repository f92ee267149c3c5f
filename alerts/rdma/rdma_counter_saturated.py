"""A counter stands at its ceiling and hides what happens from now on."""

from datetime import timedelta

from alerts.devices import PORT
from alerts.model import Alert, Scenario, Signal
from alerts.ports import IS_THERE, of_port
from alerts.promql import Series, select
from catalog.rdma_counters import RDMA_COUNTER_SATURATED

STUCK = Series(RDMA_COUNTER_SATURATED.name)
ONE = select(RDMA_COUNTER_SATURATED, counter="link_downed")

ALERT = Alert(
    name="RdmaCounterSaturated",
    device=PORT,
    expr=of_port(f"{STUCK} == 1"),
    hold=timedelta(minutes=15),
    severity="info",
    summary=f"A counter of {PORT.title} is full",
    description=(
        f"{PORT.title} has an error counter at its ceiling; what it should count is not seen any "
        "more, and no proof that reads it can come. Reset the port's counters: perfquery -R LID "
        "PORT, or a reboot."
    ),
    why="Errors on the link go unseen, and a fault that waits for this counter never clears.",
    first_step="See railwatch_rdma_counter_saturated for which it is, and reset the counters.",
    scenarios=(
        Scenario(
            name="link_downed is at 255",
            signals=(
                *IS_THERE,
                Signal(series=ONE, healthy=0, below=0, faulty=1),
            ),
        ),
    ),
)
