"""Packets are lost on the line."""

from datetime import timedelta

from alerts.devices import LINE
from alerts.evidence import Held
from alerts.model import Alert, At, Proof, Scenario, Signal, Threshold
from alerts.promql import Series
from catalog.compared import LINE_LOSS
from catalog.faults import UPLINK_LOSSY
from catalog.uplink_probes import PROBE_LOSS

LOST = Series(LINE_LOSS)
LOSS = Series(PROBE_LOSS.name)

ALERT = Alert(
    name=UPLINK_LOSSY.name,
    fault=UPLINK_LOSSY,
    device=LINE,
    needs_fleet=True,
    reads=("uplink/tcp_probes",),
    expr=f"{LOST} > $loss",
    hold=timedelta(minutes=5),
    keep_firing_for=timedelta(minutes=5),
    severity="warning",
    summary=f"{LINE.title} loses packets",
    description=(
        f"{LINE.title} loses more than $loss of the probes over all nodes and peers. See whether "
        "it is saturated or throttled (UplinkSaturated, UplinkThrottled); if not, ask the "
        "carrier for errors on the line."
    ),
    why="TCP over a long line halves its speed at a loss of a few in a thousand.",
    first_step="Compare the loss by node and peer: all of them, or one way only?",
    thresholds=(
        Threshold(
            name="loss",
            default=0.01,
            meaning="Share of the probes.",
            source="our own guess: carriers promise a tenth of it",
        ),
    ),
    proof=Proof(
        soak=timedelta(minutes=15),
        subject=Held(series=LOST, at_most="$loss", recorded=True),
        facilities=("uplink/tcp_probes",),
    ),
    scenarios=(
        Scenario(
            name="a tenth is lost",
            signals=(
                Signal(
                    series=LOSS,
                    healthy=0,
                    below=At(threshold="loss"),
                    faulty=At(threshold="loss", times=10),
                ),
            ),
        ),
    ),
)
