"""A limiter on the line drops packets."""

from datetime import timedelta

from alerts.devices import Device, shown
from alerts.model import Alert, At, Rising, Scenario, Signal, Threshold
from alerts.promql import Series, by, select
from catalog.labels import LINE, NODE
from catalog.uplink_tc import TC_DROPS, TC_RATE

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
ON = by(NODE, LINE, "interface", "object", "kind", "handle", "parent")
DROPPED, SET = Series(TC_DROPS.name), Series(TC_RATE.name)
ONE, ITS_RATE = (
    select(metric, object="qdisc", kind="tbf", handle="1:", parent="root")
    for metric in (TC_DROPS, TC_RATE)
)

ALERT = Alert(
    name="UplinkThrottled",
    device=WAY,
    expr=f"max by ({by(*WAY.labels)}) (rate({DROPPED}[5m]) > $rate and on ({ON}) {SET})",
    notices=timedelta(minutes=5),
    hold=timedelta(minutes=10),
    keep_firing_for=timedelta(minutes=5),
    severity="warning",
    summary=f"A limiter of {WAY.title} drops packets, on line {shown(LINE)}",
    description=(
        f"{WAY.title}: a limiter that somebody has set drops more than $rate packets a second of "
        f"line {shown(LINE)}. Raise its rate, shape in place of policing, or send less."
    ),
    why="Senders take the drops for congestion and go slower than the limit allows.",
    first_step="Run tc -s qdisc and tc -s class for the interface on the node.",
    thresholds=(
        Threshold(
            name="rate",
            default=10,
            meaning="Packets a second.",
            source="our own guess: a shaper that works drops hardly any",
        ),
    ),
    scenarios=(
        Scenario(
            name="a token bucket is full",
            signals=(
                Signal(
                    series=ONE,
                    healthy=0,
                    below=Rising(rate=At(threshold="rate", times=0.5)),
                    faulty=Rising(rate=At(threshold="rate", times=3)),
                ),
                Signal(series=ITS_RATE, healthy=1e9),
            ),
        ),
    ),
)
