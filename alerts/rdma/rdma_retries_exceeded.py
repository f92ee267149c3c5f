"""Requests ended in an error because the other side did not answer any more."""

from datetime import timedelta

from alerts.devices import PORT
from alerts.model import Alert, Rising, Scenario, Signal
from alerts.ports import IS_THERE, counter, of_port
from alerts.promql import Series

TRANSPORT = Series(counter("req_transport_retries_exceeded").name)
NOT_READY = Series(counter("req_rnr_retries_exceeded").name)

ALERT = Alert(
    name="RdmaRetriesExceeded",
    device=PORT,
    expr=of_port(f"increase({TRANSPORT}[10m]) > 0 or increase({NOT_READY}[10m]) > 0"),
    notices=timedelta(minutes=1),
    keep_firing_for=timedelta(minutes=15),
    severity="warning",
    summary=f"Requests of {PORT.title} ran out of retries",
    description=(
        f"{PORT.title} gave up requests within ten minutes after all retries: the peer, or the "
        "way to it, was gone. A job that ends takes its peers along, so look first which job it "
        "was; without one, look for links that flap and for discards on the rail."
    ),
    why="A connection that has run out of retries is dead, and mostly the job with it.",
    first_step=(
        "See which pod has queue pairs there, and whether ports of its peers went down at that "
        "time."
    ),
    scenarios=(
        Scenario(
            name="retries run out",
            signals=(
                *IS_THERE,
                Signal(series=TRANSPORT, healthy=0, faulty=Rising()),
                Signal(series=NOT_READY, healthy=0),
            ),
        ),
    ),
)
