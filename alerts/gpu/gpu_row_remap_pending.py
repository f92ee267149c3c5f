"""A damaged memory row waits for the GPU's reset to be replaced by a spare one."""

from datetime import timedelta

from alerts.devices import GPU
from alerts.evidence import held
from alerts.gpus import SOAK, WAS_RESET, of_gpu
from alerts.model import Alert, Proof, Scenario, Signal
from alerts.promql import Series
from catalog.faults import GPU_ROW_REMAP_PENDING
from catalog.gpu_repair import GPU_REMAPPED_ROWS_PENDING

PENDING = Series(GPU_REMAPPED_ROWS_PENDING.name)

ALERT = Alert(
    name=GPU_ROW_REMAP_PENDING.name,
    fault=GPU_ROW_REMAP_PENDING,
    device=GPU,
    expr=of_gpu(f"{PENDING} == 1"),
    hold=timedelta(minutes=5),
    severity="warning",
    summary=f"{GPU.title} waits for a reset to repair its memory",
    description=(
        f"{GPU.title} has a damaged memory row that is replaced at the next reset. Reset it with "
        "nvidia-smi --gpu-reset when it is idle; nothing has to be moved away at once."
    ),
    why="The row is out of use until then, but a second error there ends what runs on the GPU.",
    first_step="Wait until the GPU is idle, then reset it.",
    proof=Proof(soak=SOAK, subject=held(PENDING, 0), facilities=("gpu/remapped_rows", "gpu/xid")),
    scenarios=(
        Scenario(
            name="a row waits for the reset",
            signals=(Signal(series=PENDING, healthy=0, below=0, faulty=1), WAS_RESET),
        ),
    ),
)
