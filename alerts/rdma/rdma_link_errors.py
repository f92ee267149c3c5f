"""The port counts symbol errors, or recovers from errors, more often than a good link does."""

from datetime import timedelta

from alerts.devices import PORT
from alerts.evidence import Risen
from alerts.model import Alert, At, Proof, Rising, Scenario, Signal, Threshold
from alerts.ports import IS_ACTIVE, IS_THERE, KEYS, KNOWN, counter, of_port
from alerts.promql import Series
from catalog.faults import RDMA_LINK_ERRORS

SYMBOLS = Series(counter("symbol_error").name)
RECOVERIES = Series(counter("link_error_recovery").name)

ALERT = Alert(
    name=RDMA_LINK_ERRORS.name,
    fault=RDMA_LINK_ERRORS,
    device=PORT,
    expr=of_port(f"increase({SYMBOLS}[1h]) > $symbols or increase({RECOVERIES}[1h]) > $recoveries"),
    notices=timedelta(hours=1),
    hold=timedelta(0),
    keep_firing_for=timedelta(minutes=15),
    severity="warning",
    summary=f"The link of {PORT.title} errs",
    description=(
        f"{PORT.title} counted more than $symbols symbol errors, or recovered more than "
        "$recoveries times, within an hour. Clean or replace cable and transceiver; compare "
        "with the switch port first. The counters stick at their ceiling (65535 and 255) and "
        "then hide what follows."
    ),
    why=(
        "Errors cost retransmissions, which hold up whole collectives, and tend to end in flapping."
    ),
    first_step="Read both ends (perfquery -x, or the fabric dashboard): which side counts?",
    thresholds=(
        Threshold(
            name="symbols",
            default=120,
            meaning="Symbol errors an hour.",
            source="NVSentinel's NIC monitor: 120 an hour is fatal",
        ),
        Threshold(
            name="recoveries",
            default=12,
            meaning="Recoveries an hour.",
            source="our own guess; NVSentinel tells at 5 a minute",
        ),
    ),
    proof=Proof(
        soak=timedelta(hours=1),
        subject=KNOWN,
        evidence=(
            Risen(series=SYMBOLS, at_most="$symbols", keys=KEYS),
            Risen(series=RECOVERIES, at_most="$recoveries", keys=KEYS),
            IS_ACTIVE,
        ),
        facilities=("rdma/port", "rdma/counters"),
    ),
    scenarios=(
        Scenario(
            name="symbol errors rise",
            signals=(
                *IS_THERE,
                Signal(
                    series=SYMBOLS,
                    healthy=0,
                    below=At(threshold="symbols", times=0.9),
                    faulty=Rising(start=0, rate=At(threshold="symbols", times=0.001)),
                    recovered=0,
                ),
                Signal(series=RECOVERIES, healthy=0),
            ),
        ),
    ),
)
