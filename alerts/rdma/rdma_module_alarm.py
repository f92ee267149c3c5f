"""A transceiver raises alarms or warnings of its own."""

from datetime import timedelta

from alerts.devices import PORT
from alerts.model import Alert, Scenario, Signal
from alerts.ports import IS_THERE, of_port
from alerts.promql import Series
from catalog.rdma_modules import RDMA_MODULE_FLAGS

FLAGS = Series(RDMA_MODULE_FLAGS.name)

ALERT = Alert(
    name="RdmaModuleAlarm",
    device=PORT,
    expr=of_port(f"{FLAGS} > 0"),
    hold=timedelta(minutes=10),
    severity="warning",
    summary=f"The transceiver of {PORT.title} raises alarms",
    description=(
        f"{PORT.title} has a transceiver that raises flags by its maker's own thresholds "
        "(railwatch_rdma_module_flag names them): light too low or too high, supply, "
        "temperature, or a lane's fault. Clean the optics and reseat it; replace it if the "
        "flags stay."
    ),
    why="What the transceiver complains of today is the link that flaps tomorrow.",
    first_step="Read railwatch_rdma_module_flag for lane and flag.",
    scenarios=(
        Scenario(
            name="a flag persists",
            signals=(
                *IS_THERE,
                Signal(series=FLAGS, healthy=0, below=0, faulty=2),
            ),
        ),
    ),
)
