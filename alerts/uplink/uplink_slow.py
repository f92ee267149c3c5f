"""The round trip along the line takes much longer than it did the day before."""

from datetime import timedelta

from alerts.devices import LINE
from alerts.evidence import Calm
from alerts.model import Alert, Proof, Scenario, Signal, Threshold
from alerts.promql import Series, select
from catalog.compared import LINE_ROUND_TRIP
from catalog.faults import UPLINK_SLOW
from catalog.uplink_probes import PROBE_ROUND_TRIP

TAKES = Series(LINE_ROUND_TRIP)
MEDIAN = select(PROBE_ROUND_TRIP, statistic="median")

ALERT = Alert(
    name=UPLINK_SLOW.name,
    fault=UPLINK_SLOW,
    device=LINE,
    needs_fleet=True,
    reads=("uplink/tcp_probes",),
    expr=f"{TAKES} > $times * quantile_over_time(0.1, {TAKES}[1d])",
    hold=timedelta(minutes=15),
    keep_firing_for=timedelta(minutes=5),
    severity="warning",
    summary=f"{LINE.title} has become slow",
    description=(
        f"{LINE.title}: the median round trip is more than $times times what it takes in the best "
        "tenth of the day. "
        "The queue of a saturated line does that, and so does a detour: look at its use, then "
        "ask the carrier for the path."
    ),
    why="Reads of small files over the line take as much longer.",
    first_step="Look at the use of the line at the same time, and run mtr to the peer.",
    thresholds=(
        Threshold(
            name="times",
            default=2,
            meaning="Times what the round trip takes in the best tenth of the last day.",
            source="our own guess",
        ),
    ),
    proof=Proof(
        soak=timedelta(minutes=15),
        subject=Calm(series=TAKES, times="$times"),
        facilities=("uplink/tcp_probes",),
    ),
    scenarios=(
        Scenario(
            name="five times the round trip",
            signals=(Signal(series=MEDIAN, healthy=0.01, below=0.019, faulty=0.05),),
        ),
    ),
)
