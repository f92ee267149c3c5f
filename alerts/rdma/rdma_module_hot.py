"""A transceiver is about as hot as its maker allows."""

from datetime import timedelta

from alerts.devices import PORT
from alerts.model import Alert, At, Scenario, Signal, Threshold
from alerts.ports import IS_THERE, of_port
from alerts.promql import Series
from catalog.rdma_modules import RDMA_MODULE_TEMPERATURE

HEAT = Series(RDMA_MODULE_TEMPERATURE.name)

ALERT = Alert(
    name="RdmaModuleHot",
    device=PORT,
    expr=of_port(f"{HEAT} > $celsius"),
    hold=timedelta(minutes=10),
    keep_firing_for=timedelta(minutes=10),
    severity="warning",
    summary=f"The transceiver of {PORT.title} is hot",
    description=(
        f"{PORT.title} has a transceiver of more than $celsius °C. Look at the airflow of the "
        "NIC, and at fans and blanking plates of the chassis; replace the transceiver if its "
        "neighbours are cool."
    ),
    why="Hot transceivers err, flap, and die early.",
    first_step=(
        "Compare railwatch_rdma_module_temperature_celsius with the other ports of the node."
    ),
    thresholds=(
        Threshold(
            name="celsius",
            default=70,
            meaning="Temperature of the transceiver.",
            source="NVIDIA UFM's PDR plugin isolates a port above 70 °C",
        ),
    ),
    scenarios=(
        Scenario(
            name="75 degrees",
            signals=(
                *IS_THERE,
                Signal(
                    series=HEAT,
                    healthy=45,
                    below=At(threshold="celsius"),
                    faulty=At(threshold="celsius", plus=5),
                ),
            ),
        ),
    ),
)
