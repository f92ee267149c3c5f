"""The registry fails the requests of Dragonfly's clients."""

from datetime import timedelta

from alerts.model import Alert, Scenario
from alerts.neighbouring import WINDOW, about, failing, failures, failures_seen, rate
from alerts.promql import Series
from catalog.neighbours import DRAGONFLY_SOURCE_FAILURES
from catalog.neighbours_jobs import DRAGONFLY_SOURCE_REQUESTS

FAILED, EVERY = Series(DRAGONFLY_SOURCE_FAILURES.name), Series(DRAGONFLY_SOURCE_REQUESTS.name)
DEVICE = about("Dragonfly", "dragonfly", {}, also={"scheme": "https", "method": "GET"})

ALERT = Alert(
    name="DragonflySourceFailing",
    device=DEVICE,
    needs_fleet=True,
    expr=failing(FAILED, f"({rate(EVERY)} > 0)"),
    notices=WINDOW,
    hold=timedelta(minutes=5),
    severity="warning",
    summary="The registry fails Dragonfly's requests",
    description=(
        "More than $share of the requests of Dragonfly's clients to the registry fail: it is "
        "down, throttles, or refuses their credentials. What peers have is still served; new "
        "images are not."
    ),
    why="No image that is new to the cluster can be pulled.",
    first_step="Pull the image's manifest from the registry by hand, from a node.",
    thresholds=failures(0.05),
    scenarios=(Scenario(name="the registry throttles", signals=failures_seen(FAILED, EVERY)),),
)
