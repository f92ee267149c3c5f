"""The exporter's workers end or hang, again and again."""

from datetime import timedelta

from alerts.devices import NODE as NODE_ITSELF
from alerts.model import Alert, Rising, Scenario, Signal, Threshold
from alerts.promql import Series, by, select
from catalog.exporter import EXPORTER_WORKER_FAILURES
from catalog.labels import NODE

ENDED = Series(EXPORTER_WORKER_FAILURES.name)
ONE = select(EXPORTER_WORKER_FAILURES, family="gpu", cause="crashed")

ALERT = Alert(
    name="ExporterWorkersFailing",
    device=NODE_ITSELF,
    expr=f"sum by ({by(NODE)}) (increase({ENDED}[15m])) >= $times",
    notices=timedelta(minutes=15),
    severity="warning",
    summary=f"The exporter of {NODE_ITSELF.title} loses its workers",
    description=(
        f"{NODE_ITSELF.title}: workers of the exporter did not end their cycle $times times or "
        "more within a quarter of an hour. A hung device does that, and so does too little "
        "memory: look at the exporter's log and at its limits."
    ),
    why="While a worker is replaced, its devices are not read.",
    first_step="Read the exporter's log on the node: the family and the cause stand there.",
    thresholds=(
        Threshold(
            name="times",
            default=5,
            meaning="Failures within fifteen minutes.",
            source="our own guess: single ones heal by themselves",
        ),
    ),
    scenarios=(
        Scenario(
            name="workers end",
            signals=(Signal(series=ONE, healthy=0, faulty=Rising(rate=0.02)),),
        ),
    ),
)
