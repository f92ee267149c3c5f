"""The link's symbol errors exceed what its forward error correction should leave."""

from datetime import timedelta

from alerts.devices import PORT
from alerts.evidence import Held
from alerts.model import Alert, At, Proof, Scenario, Signal, Threshold
from alerts.ports import IS_ACTIVE, IS_THERE, KNOWN, of_port
from alerts.promql import select
from catalog.faults import RDMA_BIT_ERRORS
from catalog.rdma_link import LONG, RDMA_BIT_ERROR_RATIO, SHORT, SYMBOL

BRIEF, LASTING = (
    select(RDMA_BIT_ERROR_RATIO, errors=SYMBOL, window=window) for window in (SHORT, LONG)
)
_UFM = "NVIDIA UFM's PDR plugin isolates a port there"

ALERT = Alert(
    name=RDMA_BIT_ERRORS.name,
    fault=RDMA_BIT_ERRORS,
    device=PORT,
    expr=of_port(f"{BRIEF} > $brief or {LASTING} > $lasting"),
    hold=timedelta(minutes=1),
    severity="warning",
    summary=f"The link of {PORT.title} has too many bit errors",
    description=(
        f"{PORT.title} has more symbol errors a bit, after error correction, than a good link. "
        "Clean the optics, then replace the cable, then the transceivers; see whether the "
        "transceiver is hot."
    ),
    why="Links that err so often lose packets, and flap before long.",
    first_step="Read the transceiver's temperature and light levels, then compare both ends.",
    thresholds=(
        Threshold(
            name="brief",
            default=1e-14,
            meaning="Symbol errors a bit over 2.88e14 bits: 12 minutes at 400 Gb/s.",
            source=_UFM,
        ),
        Threshold(
            name="lasting",
            default=1e-15,
            meaning="Symbol errors a bit over 3e15 bits: 125 minutes at 400 Gb/s.",
            source=_UFM,
        ),
    ),
    proof=Proof(
        soak=timedelta(minutes=30),
        subject=KNOWN,
        evidence=(
            Held(series=BRIEF, at_most="$brief"),
            Held(series=LASTING, at_most="$lasting"),
            IS_ACTIVE,
        ),
        facilities=("rdma/port", "rdma/counters", "rdma/history"),
    ),
    scenarios=(
        Scenario(
            name="a burst of errors",
            signals=(
                *IS_THERE,
                Signal(
                    series=BRIEF,
                    healthy=0,
                    below=At(threshold="brief"),
                    faulty=At(threshold="brief", times=3),
                ),
                Signal(series=LASTING, healthy=0),
            ),
        ),
    ),
)
