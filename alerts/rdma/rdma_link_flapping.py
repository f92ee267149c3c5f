"""A link goes down and comes back, again and again."""

from datetime import timedelta

from alerts.devices import PORT
from alerts.evidence import Still, held
from alerts.model import Alert, At, Moment, Proof, Rising, Scenario, Signal, Threshold
from alerts.promql import SOME, Series, by, select
from alerts.rdma.rdma_link_down import ACTIVE, INFO, KEYS, STATE
from catalog.faults import RDMA_LINK_FLAPPING
from catalog.rdma import RDMA_PORT_INFO, RDMA_PORT_LINK_DOWNED

DOWNED = Series(RDMA_PORT_LINK_DOWNED.name)

SATURATED = 255
"""The port's own counter is 8 bits wide and stays there (IBA 16.1.3.5): then nothing is proven."""

ALERT = Alert(
    name=RDMA_LINK_FLAPPING.name,
    fault=RDMA_LINK_FLAPPING,
    device=PORT,
    expr=f"""
        max by ({by(*PORT.labels)}) (
          {INFO} * on ({by(*KEYS)}) group_left ()
            max by ({by(*KEYS)}) (increase({DOWNED}[$window])) >= $times
        )
        """,
    keep_firing_for=timedelta(minutes=15),
    severity="warning",
    summary=f"The link of {PORT.title} flaps",
    description=(
        f"The link of {PORT.title} went down at least $times times within $window. Compare its "
        "error counters with the switch's side, clean or replace cable and transceiver, and swap "
        "the port on the switch if the errors stay behind."
    ),
    why="Each outage stalls the collectives of every job on this rail, and it tends to get worse.",
    first_step="Compare the port's error counters with those of the switch port it is plugged to.",
    thresholds=(
        Threshold(
            name="times",
            default=3,
            meaning="Link losses within the window.",
            source="gpud calls a port that was down three times flapping (over twelve hours)",
        ),
        Threshold(
            name="window",
            default=timedelta(hours=1),
            meaning="How far back link losses count.",
            source="our own guess: shorter than gpud's, as each loss stalls whole jobs",
        ),
    ),
    proof=Proof(
        soak=timedelta(hours=1),
        subject=held(select(RDMA_PORT_INFO, guid=SOME), 1),
        evidence=(Still(series=DOWNED, ceiling=SATURATED), held(STATE, ACTIVE)),
        facilities=("rdma/port", "rdma/counters"),
    ),
    scenarios=(
        Scenario(
            name="the link is lost again and again",
            signals=(
                Signal(series=INFO, healthy=1),
                Signal(series=STATE, healthy=ACTIVE),
                Signal(
                    series=DOWNED,
                    healthy=0,
                    below=At(threshold="times", plus=-1),
                    faulty=Rising(start=At(threshold="times")),
                    recovered=Moment.STAYS,
                ),
            ),
        ),
    ),
)
