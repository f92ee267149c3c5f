"""A pod holds a GPU and does nothing with it."""

from datetime import timedelta

from alerts.devices import GPU as ANY_GPU
from alerts.devices import Device, shown
from alerts.model import Alert, At, Scenario, Signal, Threshold
from alerts.promql import Series, by, select
from catalog.gpu import GPU_MEMORY_USED, GPU_UTILIZATION
from catalog.gpu_allocation import GPU_ALLOCATION
from catalog.labels import GPU, NAMESPACE, NODE, POD, UUID

HELD = select(GPU_ALLOCATION, mig="", pod=(".+",))
BUSY = Series(GPU_UTILIZATION.name)
MEMORY = Series(GPU_MEMORY_USED.name)

HOLDER = Device(
    identity="",
    keys=(UUID,),
    labels=(NODE, GPU, UUID, NAMESPACE, POD),
    title=f"{shown(NAMESPACE)}/{shown(POD)}",
    samples=tuple(  # type: ignore[arg-type]  # two go in, two come out
        {**place, NAMESPACE: "ml", POD: f"train-{place[GPU]}"} for place in ANY_GPU.samples
    ),
)

ALERT = Alert(
    name="GpuIdleAllocated",
    device=HOLDER,
    expr=f"""
        max by ({by(*HOLDER.labels)}) (
          ({HELD} == 1 and {HELD} offset $window == 1)
            and on ({by(NODE, UUID)}) max_over_time({BUSY}[$window]) < $busy
            and on ({by(NODE, UUID)}) delta({MEMORY}[$window]) <= 0
            and on ({by(NODE, UUID)}) {BUSY} offset $window
        )
        """,
    notices=timedelta(hours=1),
    severity="info",
    summary=f"{HOLDER.title} holds GPU {shown(GPU)} of {shown(NODE)} and does not use it",
    description=(
        f"{HOLDER.title} has had GPU {shown(GPU)} of {shown(NODE)} for $window without work on it, "
        "and its memory did not grow. Ask its owner whether it may go; notebooks and jobs that "
        "hang in their start are the usual causes."
    ),
    why="A GPU that nobody uses costs as much as one that works.",
    first_step="Look at the pod's log, and tell its owner.",
    thresholds=(
        Threshold(
            name="busy",
            default=0.01,
            meaning="Utilisation below which a GPU does nothing.",
            source="our own guess: monitoring alone stays below 1 %",
        ),
        Threshold(
            name="window",
            default=timedelta(hours=1),
            meaning="For how long.",
            source="our own guess: loading a large model may take half of it",
        ),
    ),
    scenarios=(
        Scenario(
            name="a notebook that was left open",
            signals=(
                Signal(series=select(GPU_ALLOCATION, mig="", container="c"), healthy=1),
                Signal(series=BUSY, healthy=0.9, below=At(threshold="busy"), faulty=0),
                Signal(series=MEMORY, healthy=1e9),
            ),
        ),
    ),
)
