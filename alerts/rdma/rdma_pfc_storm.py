"""The network holds this port with pause frames for a good part of the time."""

from datetime import timedelta

from alerts.devices import PORT
from alerts.evidence import Risen
from alerts.model import Alert, At, Proof, Rising, Scenario, Signal, Threshold
from alerts.ports import IS_THERE, KEYS, KNOWN, of_port
from alerts.promql import select
from catalog.faults import RDMA_PFC_STORM
from catalog.rdma_ethernet import RDMA_PAUSE_SECONDS

HELD = select(RDMA_PAUSE_SECONDS, direction="receive")
ONE = select(RDMA_PAUSE_SECONDS, priority="3", direction="receive")

ALERT = Alert(
    name=RDMA_PFC_STORM.name,
    fault=RDMA_PFC_STORM,
    device=PORT,
    expr=of_port(f"rate({HELD}[5m]) > $share"),
    notices=timedelta(minutes=5),
    hold=timedelta(minutes=5),
    keep_firing_for=timedelta(minutes=5),
    severity="critical",
    summary=f"{PORT.title} is held by pause frames",
    description=(
        f"{PORT.title} was held by received pause frames for more than $share of the time. "
        "The congestion is beyond the switch, not here: look for the port on that priority "
        "that sends pauses itself (RdmaPauseStorm), and for a slow receiver on the same "
        "rail."
    ),
    why="Pauses spread from switch to switch: one slow receiver can hold up a whole rail.",
    first_step="Find who transmits pause frames, on the RDMA dashboard and on the switches.",
    thresholds=(
        Threshold(
            name="share",
            default=0.1,
            meaning="Share of time in which sending was held.",
            source="our own guess: no limit is published; a quiet fabric has well below 1 %",
        ),
    ),
    proof=Proof(
        soak=timedelta(minutes=10),
        subject=KNOWN,
        evidence=(Risen(series=HELD, at_most="$share * 60", keys=KEYS),),
        facilities=("rdma_ethtool/roce",),
    ),
    scenarios=(
        Scenario(
            name="three tenths of the time",
            signals=(
                *IS_THERE,
                Signal(
                    series=ONE,
                    healthy=0,
                    below=Rising(rate=At(threshold="share", times=0.5)),
                    faulty=Rising(rate=At(threshold="share", times=3)),
                    recovered=0,
                ),
            ),
        ),
    ),
)
