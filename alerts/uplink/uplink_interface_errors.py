"""An interface of the line receives or sends packets with errors."""

from datetime import timedelta

from alerts.devices import Device, shown
from alerts.model import Alert, At, Rising, Scenario, Signal, Threshold
from alerts.promql import Series, by
from catalog.labels import LINE, NODE
from catalog.uplink import RECEIVE_ERRORS, TRANSMIT_ERRORS

WAY = Device(
    identity="",
    keys=(LINE, "interface"),
    labels=(NODE, LINE, "interface"),
    title=f"{shown('interface')} of {shown(NODE)}",
    samples=(
        {NODE: "node-1", LINE: "dc1-cloud", "interface": "bond0"},
        {NODE: "node-1", LINE: "dc1-cloud", "interface": "bond1"},
    ),
)
RECEIVED, SENT = Series(RECEIVE_ERRORS.name), Series(TRANSMIT_ERRORS.name)

ALERT = Alert(
    name="UplinkInterfaceErrors",
    device=WAY,
    expr=f"max by ({by(*WAY.labels)}) (rate({RECEIVED}[5m]) > $rate or rate({SENT}[5m]) > $rate)",
    notices=timedelta(minutes=5),
    hold=timedelta(minutes=5),
    keep_firing_for=timedelta(minutes=5),
    severity="warning",
    summary=f"{WAY.title} errs, on line {shown(LINE)}",
    description=(
        f"{WAY.title}, which line {shown(LINE)} goes through, counts more than $rate errors a "
        "second. Clean or replace cable and transceiver, and compare with the other end."
    ),
    why="Each error is a lost packet; over a long line a few a second halve the throughput.",
    first_step="Run ethtool -S for the interface on the node.",
    thresholds=(
        Threshold(
            name="rate",
            default=0.1,
            meaning="Errors a second.",
            source="our own guess",
        ),
    ),
    scenarios=(
        Scenario(
            name="errors rise",
            signals=(
                Signal(
                    series=RECEIVED,
                    healthy=0,
                    below=Rising(rate=At(threshold="rate", times=0.5)),
                    faulty=Rising(rate=At(threshold="rate", times=3)),
                ),
                Signal(series=SENT, healthy=0),
            ),
        ),
    ),
)
