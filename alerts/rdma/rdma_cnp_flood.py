"""Congestion notifications come at a high rate for long: senders are slowed down all the time."""

from datetime import timedelta

from alerts.devices import PORT
from alerts.evidence import Risen
from alerts.model import Alert, At, Proof, Rising, Scenario, Signal, Threshold
from alerts.ports import IS_THERE, KEYS, KNOWN, counter, of_port
from alerts.promql import Series
from catalog.faults import RDMA_CNP_FLOOD

CNPS = Series(counter("np_cnp_sent").name)

ALERT = Alert(
    name=RDMA_CNP_FLOOD.name,
    fault=RDMA_CNP_FLOOD,
    device=PORT,
    expr=of_port(f"rate({CNPS}[5m]) > $rate"),
    notices=timedelta(minutes=5),
    hold=timedelta(minutes=15),
    keep_firing_for=timedelta(minutes=5),
    severity="warning",
    summary=f"{PORT.title} asks senders to slow down all the time",
    description=(
        f"{PORT.title} sends more than $rate congestion notifications a second, for a quarter "
        "of an hour. Some are normal in an incast; so many mean that ECN thresholds are too "
        "low, or paths collide. Compare the ports of the rail; look at ECMP and at the ECN "
        "settings of the leaf."
    ),
    why="Senders that are told to slow down use a part of the bandwidth only.",
    first_step="Compare railwatch_rdma_port_np_cnp_sent_total over the rail: one port, or all?",
    thresholds=(
        Threshold(
            name="rate",
            default=5000,
            meaning="Notifications a second.",
            source=(
                "our own guess: no limit is published; set it to a few times what your fabric "
                "has at work"
            ),
        ),
    ),
    proof=Proof(
        soak=timedelta(minutes=15),
        subject=KNOWN,
        evidence=(Risen(series=CNPS, at_most="$rate * 200", keys=KEYS),),
        facilities=("rdma/statistics",),
    ),
    scenarios=(
        Scenario(
            name="notifications rise",
            signals=(
                *IS_THERE,
                Signal(
                    series=CNPS,
                    healthy=0,
                    below=Rising(rate=At(threshold="rate", times=0.5)),
                    faulty=Rising(rate=At(threshold="rate", times=2)),
                    recovered=0,
                ),
            ),
        ),
    ),
)
