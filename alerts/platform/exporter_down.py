"""A node's exporter is silent: nothing is known about its hardware, good or bad."""

from datetime import timedelta

from alerts.devices import NODE as NODE_ITSELF
from alerts.model import Alert, Moment, Scenario, Signal, Threshold
from alerts.promql import UP, by, latest
from catalog.labels import NODE

ALERT = Alert(
    name="ExporterDown",
    device=NODE_ITSELF,
    expr=f"""
        {latest(UP, NODE)} == 0
        or
        max by ({by(NODE)}) (max_over_time({UP}[$memory])) unless on ({by(NODE)}) {UP}
        """,
    hold=timedelta(minutes=5),
    severity="warning",
    summary=f"{NODE_ITSELF.title} is not observed",
    description=(
        f"{NODE_ITSELF.title}: its exporter does not answer, or is not a scrape target any more. "
        "Look at the exporter's pod on that node and at the node itself. Its conditions stay as "
        "they are or become Unknown; no taint is set or taken away for it."
    ),
    why="Faults of this node go unseen, and repaired ones cannot be proven and stay fenced.",
    first_step="Look at the exporter's pod on the node: is it there, ready, and what does it log?",
    thresholds=(
        Threshold(
            name="memory",
            default=timedelta(hours=1),
            meaning="How long a node is missed after its last scrape target vanished.",
            source="our own guess: a node taken away on purpose is named for as long",
        ),
    ),
    scenarios=(
        Scenario(
            name="scrapes fail",
            signals=(Signal(series=UP, healthy=1, faulty=0),),
        ),
        Scenario(
            name="the scrape target vanishes",
            signals=(Signal(series=UP, healthy=1, faulty=Moment.GONE),),
        ),
    ),
)
