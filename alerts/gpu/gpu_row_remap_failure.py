"""A damaged memory row could not be replaced by a spare one: the card is to be replaced."""

from alerts.devices import GPU
from alerts.evidence import held
from alerts.gpus import SOAK, of_gpu
from alerts.model import Alert, Proof, Scenario, Signal
from alerts.promql import Series
from catalog.faults import GPU_ROW_REMAP_FAILURE
from catalog.gpu_repair import GPU_REMAPPED_ROWS_FAILED

FAILED = Series(GPU_REMAPPED_ROWS_FAILED.name)

ALERT = Alert(
    name=GPU_ROW_REMAP_FAILURE.name,
    fault=GPU_ROW_REMAP_FAILURE,
    device=GPU,
    expr=of_gpu(f"{FAILED} == 1"),
    severity="critical",
    summary=f"{GPU.title} cannot repair its memory",
    description=(
        f"{GPU.title} could not replace a damaged memory row by a spare one; the flag stays for "
        "the card's life. Move its workloads away and have the card replaced under warranty."
    ),
    why="The next error in the damaged row kills what runs on the GPU, again and again.",
    first_step="Run NVIDIA's field diagnostic, which the vendor asks for, and order a replacement.",
    proof=Proof(soak=SOAK, subject=held(FAILED, 0), facilities=("gpu/remapped_rows",)),
    scenarios=(
        Scenario(
            name="a row could not be remapped",
            signals=(Signal(series=FAILED, healthy=0, below=0, faulty=1),),
        ),
    ),
)
