"""The driver itself asks for a reset of the GPU."""

from alerts.devices import GPU
from alerts.evidence import held
from alerts.gpus import OK, SOAK, WAS_RESET, of_gpu
from alerts.model import Alert, Proof, Scenario, Signal
from alerts.promql import select
from catalog.faults import GPU_RECOVERY_ACTION
from catalog.gpu import GPU_STATE
from catalog.gpu_repair import GPU_RECOVERY_ACTION as ACTION

ASKED = select(ACTION, state=("gpu_reset", "drain_and_reset", "bus_reset"))
NONE, RESET = (select(ACTION, state=state) for state in ("none", "gpu_reset"))
REQUIRED = select(GPU_STATE, state="reset_required")

ALERT = Alert(
    name=GPU_RECOVERY_ACTION.name,
    fault=GPU_RECOVERY_ACTION,
    device=GPU,
    expr=of_gpu(f"{ASKED} == 1 or {REQUIRED} == 1"),
    severity="critical",
    summary=f"{GPU.title} asks for a reset",
    description=(
        f"{GPU.title}: the driver asks for a reset of the GPU (its recovery action, or the return "
        "code of its calls). Move its workloads away and reset it with nvidia-smi --gpu-reset."
    ),
    why="Until the reset nothing can start on the GPU, or what starts fails.",
    first_step="Read the Xid that came with it (154 names the action), then drain and reset.",
    proof=Proof(
        soak=SOAK,
        subject=held(OK, 1),
        evidence=(held(NONE, 1),),
        facilities=("gpu/state", "gpu/recovery", "gpu/xid"),
    ),
    scenarios=(
        Scenario(
            name="the recovery action is a reset",
            signals=(
                Signal(series=OK, healthy=1),
                Signal(series=NONE, healthy=1, below=1, faulty=0),
                Signal(series=RESET, healthy=0, below=0, faulty=1),
                WAS_RESET,
            ),
        ),
        Scenario(
            name="its calls answer that a reset is required",
            signals=(
                Signal(series=OK, healthy=1, below=1, faulty=0),
                Signal(series=REQUIRED, healthy=0, below=0, faulty=1),
                Signal(series=NONE, healthy=1),
                WAS_RESET,
            ),
        ),
    ),
)
