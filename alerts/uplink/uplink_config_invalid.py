"""The file that describes the lines has become wrong, and what it said before is in use."""

from datetime import timedelta

from alerts.devices import NODE as NODE_ITSELF
from alerts.model import Alert, Scenario, Signal
from alerts.promql import Series, latest
from catalog.labels import NODE
from catalog.uplink import CONFIG_VALID

VALID = Series(CONFIG_VALID.name)

ALERT = Alert(
    name="UplinkConfigInvalid",
    device=NODE_ITSELF,
    expr=f"{latest(VALID, NODE)} == 0",
    hold=timedelta(minutes=5),
    severity="warning",
    summary=f"{NODE_ITSELF.title} cannot read how its lines are described",
    description=(
        f"{NODE_ITSELF.title}: the file of --uplink.config.file has become wrong; the exporter "
        "goes on with what it said before. Its log names the field; correct it, no restart is "
        "needed."
    ),
    why="A restart of the exporter would not come up, and the line would be out of sight.",
    first_step="Read the exporter's log on the node, or run railwatch-exporter --check.",
    scenarios=(
        Scenario(
            name="the file is wrong",
            signals=(Signal(series=VALID, healthy=1, below=1, faulty=0),),
        ),
    ),
)
