"""The GPU corrects more memory errors than nearly all others of the fleet."""

from datetime import timedelta

from alerts.devices import GPU
from alerts.evidence import Risen
from alerts.gpus import KEYS, of_gpu
from alerts.model import Alert, At, Proof, Rising, Scenario, Signal, Threshold
from alerts.promql import select
from catalog.compared import CORRECTED_NORMAL
from catalog.faults import GPU_CORRECTED_ERRORS
from catalog.gpu import GPU_ECC_ERRORS
from catalog.labels import CLUSTER

CORRECTED = select(GPU_ECC_ERRORS, kind="corrected")

ALERT = Alert(
    name=GPU_CORRECTED_ERRORS.name,
    fault=GPU_CORRECTED_ERRORS,
    device=GPU,
    needs_fleet=True,
    expr=of_gpu(
        f"increase({CORRECTED}[1h]) >= $errors"
        f" and increase({CORRECTED}[1h]) >= on ({CLUSTER}) group_left () {CORRECTED_NORMAL}"
    ),
    notices=timedelta(hours=1),
    severity="warning",
    summary=f"{GPU.title} corrects unusually many memory errors",
    description=(
        f"{GPU.title} corrected $errors or more memory errors within an hour, as many as the worst "
        "hundredth of the fleet. Nothing has to be done at once: watch for Xid 63 and 92 and for "
        "remapped rows, and reset the GPU when it is idle if rows wait to be remapped."
    ),
    why="Corrected errors harm nothing, but rows that have many of them fail before others.",
    first_step="See nvidia-smi -q -d ECC,ROW_REMAPPER for where the errors are.",
    thresholds=(
        Threshold(
            name="errors",
            default=1000,
            meaning="Corrected errors an hour below which nothing is said, whatever others have.",
            source="our own guess: most GPUs correct none in an hour",
        ),
    ),
    proof=Proof(
        soak=timedelta(hours=1),
        subject=Risen(series=CORRECTED, at_most="$errors", keys=KEYS),
        facilities=("gpu/ecc",),
    ),
    scenarios=(
        Scenario(
            name="a storm of corrected errors",
            signals=(
                Signal(
                    series=CORRECTED,
                    healthy=0,
                    below=At(threshold="errors", times=0.9),
                    faulty=Rising(rate=At(threshold="errors", times=0.001)),
                    recovered=0,
                ),
            ),
        ),
    ),
)
