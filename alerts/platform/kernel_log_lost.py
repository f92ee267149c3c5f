"""The kernel's log was overwritten before it was read, so that Xids may have been missed."""

from datetime import timedelta

from alerts.devices import NODE as NODE_ITSELF
from alerts.model import Alert, Rising, Scenario, Signal, Threshold
from alerts.promql import Series, by
from catalog.exporter import NODE_KERNEL_LOG_LOST
from catalog.labels import NODE

LOST = Series(NODE_KERNEL_LOG_LOST.name)

ALERT = Alert(
    name="KernelLogLost",
    device=NODE_ITSELF,
    expr=f"max by ({by(NODE)}) (increase({LOST}[15m])) > $records",
    notices=timedelta(minutes=15),
    keep_firing_for=timedelta(minutes=15),
    severity="warning",
    summary=f"Lines of the kernel log of {NODE_ITSELF.title} were lost",
    description=(
        f"{NODE_ITSELF.title}: more than $records lines of the kernel's log were overwritten "
        "before the exporter read them. Something floods the log: silence it, or enlarge the "
        "buffer (kernel parameter log_buf_len)."
    ),
    why="An Xid among the lost lines is not known, and so is its fault.",
    first_step="Run dmesg on the node and see what floods it.",
    thresholds=(
        Threshold(
            name="records",
            default=0,
            meaning="Lines within fifteen minutes.",
            source="one lost line may be the one",
        ),
    ),
    scenarios=(
        Scenario(
            name="the log is flooded",
            signals=(Signal(series=LOST, healthy=0, faulty=Rising(rate=10)),),
        ),
    ),
)
