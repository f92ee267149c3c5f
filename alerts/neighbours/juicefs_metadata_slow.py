"""Transactions of a JuiceFS volume with its metadata engine take long."""

from datetime import timedelta

from alerts.devices import shown
from alerts.model import Alert, Scenario
from alerts.neighbouring import WINDOW, about, seconds, slow, slow_seen
from catalog.neighbours import JUICEFS_TRANSACTIONS

DEVICE = about(
    f"JuiceFS volume {shown('vol_name')}",
    "juicefs",
    {"vol_name": "datasets"},
    {"vol_name": "checkpoints"},
    also={"mp": "/jfs"},
)

ALERT = Alert(
    name="JuicefsMetadataSlow",
    device=DEVICE,
    needs_fleet=True,
    expr=slow(JUICEFS_TRANSACTIONS, "vol_name"),
    notices=WINDOW,
    hold=timedelta(minutes=5),
    severity="warning",
    summary=f"The metadata of {DEVICE.title} is slow",
    description=(
        f"A transaction of {DEVICE.title} with its metadata engine takes more than $seconds s on "
        "average. Look at the engine's own load, and at how far away it is: over a line each "
        "transaction pays its round trip."
    ),
    why="Datasets of small files stand still: opening each takes longer than reading it.",
    first_step="Measure the round trip from a node to the metadata engine.",
    thresholds=(seconds(0.1, "our own guess: one or two milliseconds are usual within a site"),),
    scenarios=(
        Scenario(
            name="the engine is overloaded",
            signals=slow_seen(JUICEFS_TRANSACTIONS),
        ),
    ),
)
