"""More uncorrected errors in the GPU's caches than NVIDIA accepts: the card is to be replaced."""

from alerts.devices import GPU
from alerts.evidence import held
from alerts.gpus import SOAK, of_gpu
from alerts.model import Alert, Proof, Scenario, Signal
from alerts.promql import Series
from catalog.faults import GPU_SRAM_WORN_OUT
from catalog.gpu_ecc import GPU_SRAM_THRESHOLD_EXCEEDED

EXCEEDED = Series(GPU_SRAM_THRESHOLD_EXCEEDED.name)

ALERT = Alert(
    name=GPU_SRAM_WORN_OUT.name,
    fault=GPU_SRAM_WORN_OUT,
    device=GPU,
    expr=of_gpu(f"{EXCEEDED} == 1"),
    severity="critical",
    summary=f"{GPU.title} has had too many errors in its caches",
    description=(
        f"{GPU.title} has exceeded the number of uncorrected SRAM errors that NVIDIA accepts in a "
        "card's life. No new work is sent there; plan its replacement under warranty."
    ),
    why="Errors in caches and registers cannot be mapped out; each one ends a job.",
    first_step="Run NVIDIA's field diagnostic and order a replacement.",
    proof=Proof(soak=SOAK, subject=held(EXCEEDED, 0), facilities=("gpu/sram_ecc",)),
    scenarios=(
        Scenario(
            name="the threshold is exceeded",
            signals=(Signal(series=EXCEEDED, healthy=0, below=0, faulty=1),),
        ),
    ),
)
