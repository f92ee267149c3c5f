"""Forward error correction gives up on blocks: the link loses packets."""

from datetime import timedelta

from alerts.devices import PORT
from alerts.evidence import Risen
from alerts.model import Alert, At, Proof, Rising, Scenario, Signal, Threshold
from alerts.ports import IS_ACTIVE, IS_THERE, KEYS, KNOWN, of_port
from alerts.promql import Series
from catalog.faults import RDMA_FEC_UNCORRECTABLE
from catalog.rdma_ethernet import RDMA_FEC_UNCORRECTABLE as BLOCKS_METRIC

BLOCKS = Series(BLOCKS_METRIC.name)

ALERT = Alert(
    name=RDMA_FEC_UNCORRECTABLE.name,
    fault=RDMA_FEC_UNCORRECTABLE,
    device=PORT,
    expr=of_port(f"rate({BLOCKS}[5m]) > $blocks"),
    notices=timedelta(minutes=5),
    hold=timedelta(minutes=10),
    keep_firing_for=timedelta(minutes=15),
    severity="warning",
    summary=f"FEC of {PORT.title} gives up on blocks",
    description=(
        f"{PORT.title} received blocks that forward error correction could not put right, "
        "more than $blocks a second, for ten minutes. Each is at least one lost packet. "
        "Clean or replace cable and transceiver; compare with the switch port first."
    ),
    why=(
        "RoCE throws away all that follows a lost packet: a few losses a second halve the "
        "throughput."
    ),
    first_step="Read ethtool -S of both ends, and the light levels (ethtool -m).",
    thresholds=(
        Threshold(
            name="blocks",
            default=0.01,
            meaning="Uncorrectable blocks a second.",
            source="our own guess: a good link has none in a day",
        ),
    ),
    proof=Proof(
        soak=timedelta(hours=1),
        subject=KNOWN,
        evidence=(Risen(series=BLOCKS, at_most="$blocks * 360", keys=KEYS), IS_ACTIVE),
        facilities=("rdma/port", "rdma_ethtool/roce"),
    ),
    scenarios=(
        Scenario(
            name="blocks are lost",
            signals=(
                *IS_THERE,
                Signal(
                    series=BLOCKS,
                    healthy=0,
                    below=Rising(rate=At(threshold="blocks", times=0.5)),
                    faulty=Rising(rate=At(threshold="blocks", times=10)),
                    recovered=0,
                ),
            ),
        ),
    ),
)
