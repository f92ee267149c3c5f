"""A collector has not succeeded for several of its intervals."""

from datetime import timedelta

from alerts.devices import COLLECTOR
from alerts.model import Alert, Scenario, Signal, Threshold
from alerts.promql import Series, by, latest, select
from catalog.exporter import COLLECTOR_AGE, COLLECTOR_STATE, EXPORTER_INTERVAL
from catalog.labels import NODE

AGE, INTERVAL = Series(COLLECTOR_AGE.name), Series(EXPORTER_INTERVAL.name)
ABSENT = select(COLLECTOR_STATE, state="absent")
OK = select(COLLECTOR_STATE, state="ok")

ALERT = Alert(
    name="TelemetryStale",
    device=COLLECTOR,
    expr=f"""
        max by ({by(*COLLECTOR.labels)}) (
          {AGE} > on ({by(NODE)}) group_left () $runs * {latest(INTERVAL, NODE)}
            unless on ({by(*COLLECTOR.labels)}) {ABSENT} == 1
        )
        """,
    hold=timedelta(minutes=2),
    severity="warning",
    summary=f"{COLLECTOR.title} is out of date",
    description=(
        f"{COLLECTOR.title} has not been read for more than $runs intervals. What it tells is "
        "old: no fault is judged by it, and no recovery proven. Read the exporter's log on that "
        "node."
    ),
    why="Faults that this collector would show go unseen; conditions that it could clear stay.",
    first_step=(
        "Read the exporter's log on the node, and its page /metrics for the collector's state."
    ),
    thresholds=(
        Threshold(
            name="runs",
            default=3,
            meaning="Intervals of the exporter.",
            source="the same as of railwatch:observed, from which on it counts as not seen",
        ),
    ),
    scenarios=(
        Scenario(
            name="it has not succeeded for a minute",
            signals=(
                Signal(series=INTERVAL, healthy=5),
                Signal(series=OK, healthy=1),
                Signal(series=AGE, healthy=1, below=15, faulty=60),
            ),
        ),
    ),
)
