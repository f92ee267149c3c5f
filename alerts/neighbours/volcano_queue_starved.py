"""Pod groups wait in a Volcano queue that has less than its share."""

from datetime import timedelta

from alerts.devices import shown
from alerts.model import Alert, At, Scenario, Signal, Threshold
from alerts.neighbouring import about, most
from alerts.promql import Series, select
from catalog.neighbours_jobs import VOLCANO_ALLOCATED, VOLCANO_DESERVED, VOLCANO_PENDING

GPUS = "nvidia.com/gpu"
QUEUE = "queue_name"
PENDING = Series(VOLCANO_PENDING.name)
HAS, DESERVES = (select(metric, resource=GPUS) for metric in (VOLCANO_ALLOCATED, VOLCANO_DESERVED))
DEVICE = about(f"Volcano queue {shown(QUEUE)}", "volcano", {QUEUE: "research"}, {QUEUE: "serving"})

ALERT = Alert(
    name="VolcanoQueueStarved",
    device=DEVICE,
    needs_fleet=True,
    expr=f"""
        {most(PENDING, QUEUE)} > 0
        and
        {most(HAS, QUEUE)} < $share * {most(DESERVES, QUEUE)}
        """,
    hold=timedelta(hours=1),
    severity="warning",
    summary=f"{DEVICE.title} has less than it deserves, and work waits",
    description=(
        f"For an hour pod groups have waited in {DEVICE.title}, which has less than $share of the "
        "GPUs that are its share of the cluster. Other queues hold them and are not reclaimed, or "
        "what is free does not fit a whole gang."
    ),
    why="A team does not get what it was promised.",
    first_step="Look at the pod group's conditions, then at which queues have too much.",
    thresholds=(
        Threshold(
            name="share",
            default=0.9,
            meaning="Of the deserved GPUs.",
            source="our own guess: a gang's size is never an exact fit",
        ),
    ),
    scenarios=(
        Scenario(
            name="another queue keeps its GPUs",
            signals=(
                Signal(series=PENDING, healthy=0, below=3, faulty=3),
                Signal(series=DESERVES, healthy=64000),
                Signal(
                    series=HAS,
                    healthy=64000,
                    below=At(threshold="share", times=64000),
                    faulty=At(threshold="share", times=16000),
                ),
            ),
        ),
    ),
)
