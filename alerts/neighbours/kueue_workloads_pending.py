"""Workloads wait in a Kueue queue that has GPUs of its own left."""

from datetime import timedelta

from alerts.devices import shown
from alerts.model import Alert, At, Scenario, Signal, Threshold
from alerts.neighbouring import about, increase, most, summed
from alerts.promql import Series, duration, select
from catalog.neighbours_jobs import KUEUE_ADMITTED, KUEUE_PENDING, KUEUE_QUOTA, KUEUE_USED

HALF = timedelta(minutes=30)
GPUS = "nvidia.com/gpu"
QUEUE = "cluster_queue"
PENDING, ADMITTED = Series(KUEUE_PENDING.name), Series(KUEUE_ADMITTED.name)
QUOTA, USED = (select(metric, resource=GPUS) for metric in (KUEUE_QUOTA, KUEUE_USED))
DEVICE = about(f"ClusterQueue {shown(QUEUE)}", "kueue", {QUEUE: "research"}, {QUEUE: "production"})

ALERT = Alert(
    name="KueueWorkloadsPending",
    device=DEVICE,
    needs_fleet=True,
    expr=f"""
        {most(f"min_over_time({PENDING}[{duration(HALF)}])", QUEUE)} > 0
        and
        {summed(str(QUOTA), QUEUE)} - {summed(str(USED), QUEUE)} >= $idle
        unless
        {increase(ADMITTED, QUEUE, over=HALF)} > 0
        """,
    notices=HALF,
    hold=timedelta(minutes=30),
    severity="warning",
    summary=f"Workloads wait in {DEVICE.title} although it has GPUs left",
    description=(
        f"In {DEVICE.title} workloads have waited for an hour and none was admitted, though $idle "
        "GPUs or more of its own quota are unused. Read a workload's conditions: its flavour, its "
        "topology or an admission check holds it up, not the quota."
    ),
    why="GPUs that the team is entitled to stand idle beside its waiting work.",
    first_step="Run kubectl describe workload on the oldest one.",
    thresholds=(
        Threshold(
            name="idle", default=8, meaning="GPUs of the quota unused.", source="one node of eight"
        ),
    ),
    scenarios=(
        Scenario(
            name="no flavour fits",
            signals=(
                Signal(
                    series=Series(PENDING.metric, ('status="inadmissible"',)),
                    healthy=0,
                    below=2,
                    faulty=2,
                ),
                Signal(series=ADMITTED, healthy=5),
                Signal(series=QUOTA, healthy=At(threshold="idle", times=4)),
                Signal(
                    series=USED,
                    healthy=At(threshold="idle", times=4),
                    below=At(threshold="idle", times=3, plus=1),
                    faulty=At(threshold="idle"),
                ),
            ),
        ),
    ),
)
