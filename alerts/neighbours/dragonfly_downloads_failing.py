"""Dragonfly's clients fail to download."""

from datetime import timedelta

from alerts.model import Alert, Scenario
from alerts.neighbouring import WINDOW, about, failing, failures, failures_seen, rate
from alerts.promql import Series
from catalog.neighbours import DRAGONFLY_FAILURES, DRAGONFLY_TASKS

FAILED, EVERY = Series(DRAGONFLY_FAILURES.name), Series(DRAGONFLY_TASKS.name)
DEVICE = about(
    "Dragonfly", "dragonfly", {}, also={"type": "STANDARD", "tag": "", "app": "", "priority": "0"}
)

ALERT = Alert(
    name="DragonflyDownloadsFailing",
    device=DEVICE,
    needs_fleet=True,
    expr=failing(FAILED, f"({rate(EVERY)} > 0)"),
    notices=WINDOW,
    hold=timedelta(minutes=5),
    severity="warning",
    summary="Downloads by Dragonfly fail",
    description=(
        "More than $share of what Dragonfly's clients were asked for could not be had. See "
        "whether peers fail or the source does (DragonflySourceFailing), and whether the clients "
        "reach their scheduler."
    ),
    why="Image pulls fail, or fall back on the registry all at once.",
    first_step="Read a client's log (dfdaemon) on a node where pulls fail.",
    thresholds=failures(0.05),
    scenarios=(Scenario(name="peers do not answer", signals=failures_seen(FAILED, EVERY)),),
)
