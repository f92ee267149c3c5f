"""An NVLink of the GPU errs or has to recover, again and again."""

from datetime import timedelta

from alerts.devices import GPU
from alerts.evidence import Risen
from alerts.gpus import KEYS, of_gpu
from alerts.model import Alert, At, Proof, Rising, Scenario, Signal, Threshold
from alerts.promql import select
from catalog.faults import GPU_NVLINK_ERRORS
from catalog.gpu_nvlink import NVLINK_ERRORS

ERRORS = select(NVLINK_ERRORS, kind=("crc", "replay", "recovery", "effective"))
REPLAYS, RECOVERIES = (select(NVLINK_ERRORS, kind=kind) for kind in ("replay", "recovery"))

ALERT = Alert(
    name=GPU_NVLINK_ERRORS.name,
    fault=GPU_NVLINK_ERRORS,
    device=GPU,
    expr=of_gpu(f"increase({ERRORS}[$window]) >= $errors"),
    notices=timedelta(minutes=10),
    keep_firing_for=timedelta(minutes=15),
    severity="warning",
    summary=f"NVLinks of {GPU.title} err",
    description=(
        f"{GPU.title} counted $errors or more CRC errors, replays, recoveries or uncorrected "
        "errors of one kind on its NVLinks within $window. Test it with dcgmi diag -r 3 when it "
        "is idle, and have the board looked at if the errors come back."
    ),
    why="Each replay delays a collective; links that err tend to fail altogether.",
    first_step="Compare railwatch_gpu_nvlink_errors_worst_total: one bad link, or all of them?",
    thresholds=(
        Threshold(
            name="errors",
            default=100,
            meaning="Errors of one kind within the window, over all links.",
            source="our own guess: healthy links count none for days",
        ),
        Threshold(
            name="window",
            default=timedelta(minutes=10),
            meaning="How far back errors count.",
            source="our own guess",
        ),
    ),
    proof=Proof(
        soak=timedelta(hours=1),
        subject=Risen(series=ERRORS, at_most="$errors", keys=KEYS),
        facilities=("gpu/nvlink_errors",),
    ),
    scenarios=(
        Scenario(
            name="replays rise",
            signals=(
                Signal(
                    series=REPLAYS,
                    healthy=0,
                    below=At(threshold="errors", times=0.8),
                    faulty=Rising(rate=At(threshold="errors", times=0.01)),
                    recovered=0,
                ),
                Signal(series=RECOVERIES, healthy=0),
            ),
        ),
    ),
)
