"""Most idle GPUs are on nodes where others are taken: useless to gangs of whole nodes."""

from datetime import timedelta

from alerts.devices import SCHEDULER
from alerts.model import Alert, Scenario, Signal, Threshold
from alerts.promql import Series
from catalog.labels import CLUSTER
from catalog.scheduler import GPU_IDLE, GPU_IDLE_BROKEN

IDLE, BROKEN = Series(GPU_IDLE.name), Series(GPU_IDLE_BROKEN.name)
PIECES, ALL = (f"max by ({CLUSTER}) ({series})" for series in (BROKEN, IDLE))

ALERT = Alert(
    name="CapacityFragmented",
    device=SCHEDULER,
    needs_fleet=True,
    expr=f"{PIECES} / {ALL} > $share and {ALL} >= $idle",
    hold=timedelta(hours=1),
    severity="info",
    summary="Idle GPUs are in pieces",
    description=(
        "More than $share of the idle GPUs ($idle or more) are on nodes where others are taken, "
        "so that no gang of whole nodes can use them. Place small jobs by the policy that packs "
        "(see docs/placement.md), or move a few."
    ),
    why="GPUs stand idle that large jobs wait for.",
    first_step="Look at the capacity dashboard for the nodes with most idle pieces.",
    thresholds=(
        Threshold(
            name="share",
            default=0.5,
            meaning="Share of the idle GPUs.",
            source="our own guess",
        ),
        Threshold(
            name="idle",
            default=16,
            meaning="Idle GPUs from which on it matters.",
            source="our own guess: two nodes of eight",
        ),
    ),
    scenarios=(
        Scenario(
            name="three quarters in pieces",
            signals=(
                Signal(series=IDLE, healthy=32),
                Signal(series=BROKEN, healthy=4, below=16, faulty=24),
            ),
        ),
    ),
)
