"""The line carries nearly as much as it can."""

from datetime import timedelta

from alerts.devices import LINE
from alerts.evidence import Held
from alerts.model import Alert, Proof, Rising, Scenario, Signal, Threshold
from alerts.promql import Series, select
from catalog.compared import LINE_USED
from catalog.faults import UPLINK_SATURATED
from catalog.uplink import CAPACITY, RECEIVE, RECEIVE_BYTES, TRANSMIT_BYTES

USED = Series(LINE_USED)
CARRIED, SENT = Series(RECEIVE_BYTES.name), Series(TRANSMIT_BYTES.name)
LIMIT = select(CAPACITY, direction=RECEIVE)

ALERT = Alert(
    name=UPLINK_SATURATED.name,
    fault=UPLINK_SATURATED,
    device=LINE,
    needs_fleet=True,
    reads=("uplink/interfaces",),
    expr=f"{USED} > $share",
    notices=timedelta(minutes=5),
    hold=timedelta(minutes=10),
    keep_firing_for=timedelta(minutes=5),
    severity="warning",
    summary=f"{LINE.title} is full",
    description=(
        f"{LINE.title} carries more than $share of its capacity in one direction. See who sends "
        "(railwatch_uplink_pod_*): preloads can be put off or limited, datasets cached on the "
        "other side. No new work is sent there where other nodes are free."
    ),
    why="Everything over the line waits, and checkpoints the longest.",
    first_step="Look at the pods with most traffic on the dashboard of the line.",
    thresholds=(
        Threshold(
            name="share",
            default=0.9,
            meaning="Share of the capacity.",
            source="our own guess: above it queues grow",
        ),
    ),
    proof=Proof(
        soak=timedelta(minutes=15),
        subject=Held(series=USED, at_most="$share", recorded=True),
        facilities=("uplink/interfaces",),
    ),
    scenarios=(
        Scenario(
            name="all of the capacity is used",
            signals=(
                Signal(series=LIMIT, healthy=1000),
                Signal(series=SENT, healthy=0),
                Signal(
                    series=CARRIED,
                    healthy=Rising(rate=1),
                    below=Rising(rate=420),
                    faulty=Rising(rate=490),
                ),
            ),
        ),
    ),
)
