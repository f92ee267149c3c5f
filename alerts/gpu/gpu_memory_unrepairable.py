"""The GPU says that its memory cannot be repaired any more."""

from alerts.devices import GPU
from alerts.evidence import held
from alerts.gpus import SOAK, of_gpu
from alerts.model import Alert, Proof, Scenario, Signal
from alerts.promql import Series
from catalog.faults import GPU_MEMORY_UNREPAIRABLE
from catalog.gpu_repair import GPU_MEMORY_UNREPAIRABLE as FLAG_METRIC

FLAG = Series(FLAG_METRIC.name)

ALERT = Alert(
    name=GPU_MEMORY_UNREPAIRABLE.name,
    fault=GPU_MEMORY_UNREPAIRABLE,
    device=GPU,
    expr=of_gpu(f"{FLAG} == 1"),
    severity="critical",
    summary=f"{GPU.title} has memory that cannot be repaired",
    description=(
        f"{GPU.title} has damaged memory for which neither spare rows nor spare banks are left. "
        "Move its workloads away and have the card replaced; a reset does not help."
    ),
    why="Errors in that memory kill what runs on the GPU, and come back after each reset.",
    first_step="Drain the GPU, run NVIDIA's field diagnostic and order a replacement.",
    proof=Proof(soak=SOAK, subject=held(FLAG, 0), facilities=("gpu/repairs",)),
    scenarios=(
        Scenario(
            name="the flag is up",
            signals=(Signal(series=FLAG, healthy=0, below=0, faulty=1),),
        ),
    ),
)
