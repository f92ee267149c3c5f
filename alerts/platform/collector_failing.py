"""A collector fails, or hangs, again and again."""

from datetime import timedelta

from alerts.devices import COLLECTOR
from alerts.model import Alert, Scenario, Signal
from alerts.promql import by, select
from catalog.exporter import COLLECTOR_STATE

BAD = select(COLLECTOR_STATE, state=("failed", "hung"))
FAILED = select(COLLECTOR_STATE, state="failed")

ALERT = Alert(
    name="CollectorFailing",
    device=COLLECTOR,
    expr=f"max by ({by(*COLLECTOR.labels)}) ({BAD}) == 1",
    hold=timedelta(minutes=5),
    severity="warning",
    summary=f"{COLLECTOR.title} fails",
    description=(
        f"{COLLECTOR.title} fails or hangs. The exporter's log tells why: a right that it lacks, "
        "a file or call that is not there any more after an upgrade, or hardware that does not "
        "answer."
    ),
    why="What this collector would tell is not known: neither good nor bad.",
    first_step="Read the exporter's log on the node; run railwatch-exporter --check in its pod.",
    scenarios=(
        Scenario(
            name="it raises an error",
            signals=(Signal(series=FAILED, healthy=0, below=0, faulty=1),),
        ),
    ),
)
