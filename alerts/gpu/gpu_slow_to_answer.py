"""Reading the GPU takes nearly as long as is granted to it: often the first sign of a hang."""

from datetime import timedelta

from alerts.devices import GPU
from alerts.gpus import of_gpu
from alerts.model import Alert, Scenario, Signal, Threshold
from alerts.promql import Series, by, latest, select
from catalog.gpu_state import GPU_CYCLE_DURATION, GPU_DEADLINE
from catalog.labels import NODE

TAKES = Series(GPU_CYCLE_DURATION.name)
GRANTED = select(GPU_DEADLINE, calls="cycle")

ALERT = Alert(
    name="GpuSlowToAnswer",
    device=GPU,
    expr=of_gpu(f"{TAKES} > on ({by(NODE)}) group_left () $share * {latest(GRANTED, NODE)}"),
    hold=timedelta(minutes=5),
    keep_firing_for=timedelta(minutes=5),
    severity="warning",
    summary=f"{GPU.title} answers slowly",
    description=(
        f"{GPU.title} takes nearly as long to answer as the exporter grants it. If it is the only "
        "one of its node, suspect the GPU: look for Xids 119 and 120; if all are slow, look at "
        "the node's load and at the driver."
    ),
    why="A GPU that answers ever more slowly often hangs soon after.",
    first_step="Compare railwatch_gpu_cycle_duration_seconds over the node's GPUs.",
    thresholds=(
        Threshold(
            name="share",
            default=0.8,
            meaning="Share of the deadline of a cycle.",
            source="our own guess",
        ),
    ),
    scenarios=(
        Scenario(
            name="nine tenths of the deadline",
            signals=(
                Signal(series=TAKES, healthy=0.1, below=3.9, faulty=4.6),
                Signal(series=GRANTED, healthy=5),
            ),
        ),
    ),
)
