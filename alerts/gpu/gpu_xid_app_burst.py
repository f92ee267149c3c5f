"""Programs of several pods failed on the same GPU, one after the other."""

from datetime import timedelta

from alerts.devices import GPU
from alerts.gpus import KEYS, of_gpu
from alerts.model import Alert, At, Scenario, Signal, Threshold
from alerts.promql import Series, by, select
from catalog.gpu import GPU_XID_BURSTS
from catalog.gpu_allocation import GPU_ALLOCATION
from catalog.labels import NAMESPACE, POD

BURSTS = Series(GPU_XID_BURSTS.name)
HELD = select(GPU_ALLOCATION, pod=(".+",))
FIRST, SECOND = (
    select(GPU_ALLOCATION, mig="", namespace="ml", pod=pod, container="c") for pod in ("a", "b")
)

ALERT = Alert(
    name="GpuXidAppBurst",
    device=GPU,
    expr=of_gpu(
        f"increase({BURSTS}[$window]) >= $bursts and on ({by(*KEYS)}) count by ({by(*KEYS)})"
        f" (group by ({by(*KEYS, NAMESPACE, POD)}) (last_over_time({HELD}[$window]))) >= $pods"
    ),
    severity="warning",
    summary=f"Programs of several pods fail on {GPU.title}",
    description=(
        f"{GPU.title} logged $bursts or more bursts of Xids within $window, while $pods or more "
        "pods had it one after the other. An Xid such as 13 or 31 mostly is the program's own "
        "fault; with different programs, suspect the GPU: drain it and run dcgmi diag -r 3."
    ),
    why="A GPU that computes wrongly now and then looks like bad programs to everybody.",
    first_step="See which pods had it (railwatch_gpu_allocation), and whether they ran the same.",
    thresholds=(
        Threshold(
            name="bursts",
            default=3,
            meaning="Bursts of Xids within the window; three minutes of silence end one.",
            source="our own guess; NVIDIA's Fleet Intelligence groups Xids by the same silence",
        ),
        Threshold(
            name="pods",
            default=2,
            meaning="Different pods that had the GPU within the window.",
            source="our own guess",
        ),
        Threshold(
            name="window",
            default=timedelta(hours=1),
            meaning="How far back they count.",
            source="our own guess",
        ),
    ),
    scenarios=(
        Scenario(
            name="two pods and three bursts",
            signals=(
                Signal(
                    series=BURSTS,
                    healthy=0,
                    below=At(threshold="bursts", plus=-1),
                    faulty=At(threshold="bursts", plus=1),
                ),
                Signal(series=FIRST, healthy=1),
                Signal(series=SECOND, healthy=1),
            ),
        ),
    ),
)
