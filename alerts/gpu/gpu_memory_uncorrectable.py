"""GPU memory lost data: an error that ECC could not correct, or one that was not contained."""

from datetime import timedelta

from alerts.devices import GPU
from alerts.evidence import RESET, Held, NotSince, held
from alerts.model import BOOTED, Alert, At, Moment, Proof, Scenario, Signal, Threshold
from alerts.promql import Series, by, latest, select
from catalog.faults import GPU_MEMORY_UNCORRECTABLE
from catalog.gpu import GPU_ECC_ERRORS, GPU_RESET_TIMESTAMP, GPU_STATE, GPU_XID_LAST_TIMESTAMP
from catalog.labels import NODE, UUID

CODES = ("48", "64", "95")
"""Double-bit error, row remapping failed, uncontained error."""

OK = select(GPU_STATE, state="ok")
MEMORY_XIDS = select(GPU_XID_LAST_TIMESTAMP, xid=CODES)
DOUBLE_BIT, REMAP_FAILED, UNCONTAINED = (select(GPU_XID_LAST_TIMESTAMP, xid=x) for x in CODES)
UNCORRECTED = select(GPU_ECC_ERRORS, kind="uncorrected")
RESET_TIME = Series(GPU_RESET_TIMESTAMP.name)

ALERT = Alert(
    name=GPU_MEMORY_UNCORRECTABLE.name,
    fault=GPU_MEMORY_UNCORRECTABLE,
    device=GPU,
    expr=f"""
        max by ({by(*GPU.labels)}) (
            {MEMORY_XIDS} > on ({by(NODE, UUID)}) group_left () {latest(RESET_TIME, NODE, UUID)}
          or
            {UNCORRECTED} >= $errors
        )
        """,
    severity="critical",
    summary=f"{GPU.title} has lost data in its memory",
    description=(
        f"{GPU.title} reported an uncorrectable memory error (Xid 48, 64 or 95, or NVML's count of "
        "uncorrected errors) since its last reset. Move its workloads away and reset the GPU, so "
        "that the damaged rows are remapped; replace it when remapping fails (Xid 64)."
    ),
    why="What ran on the GPU has computed with wrong data or was killed; so may be what runs next.",
    first_step="Drain the GPU, reset it with nvidia-smi --gpu-reset, and run a memory diagnostic.",
    thresholds=(
        Threshold(
            name="errors",
            default=1,
            meaning="Uncorrected errors since the GPU's last reset.",
            source="NVIDIA, GPU Memory Error Management: each uncorrectable error asks for a reset",
        ),
    ),
    proof=Proof(
        soak=timedelta(minutes=10),
        subject=held(OK, 1),
        evidence=(
            NotSince(series=MEMORY_XIDS, count=len(CODES), origin=RESET),
            Held(series=UNCORRECTED, at_least=0, at_most=0),
        ),
        facilities=("gpu/state", "gpu/xid", "gpu/ecc"),
    ),
    scenarios=(
        Scenario(
            name="the driver logs Xid 95",
            signals=(
                Signal(series=OK, healthy=1),
                Signal(series=DOUBLE_BIT, healthy=0),
                Signal(series=REMAP_FAILED, healthy=0),
                Signal(
                    series=UNCONTAINED,
                    healthy=0,
                    below=BOOTED,
                    faulty=Moment.FAULT,
                    recovered=Moment.STAYS,
                ),
                Signal(series=UNCORRECTED, healthy=0),
                Signal(series=RESET_TIME, healthy=BOOTED, recovered=Moment.RECOVERY),
            ),
        ),
        Scenario(
            name="NVML counts uncorrected errors",
            signals=(
                Signal(series=OK, healthy=1),
                Signal(series=DOUBLE_BIT, healthy=0),
                Signal(series=REMAP_FAILED, healthy=0),
                Signal(series=UNCONTAINED, healthy=0),
                Signal(
                    series=UNCORRECTED,
                    healthy=0,
                    below=At(threshold="errors", plus=-1),
                    faulty=At(threshold="errors"),
                ),
                Signal(series=RESET_TIME, healthy=BOOTED, recovered=Moment.RECOVERY),
            ),
        ),
    ),
)
