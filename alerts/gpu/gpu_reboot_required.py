"""The driver itself asks for a reboot of the node."""

from alerts.devices import GPU
from alerts.evidence import held
from alerts.gpus import HAS_BOOTED, SOAK, of_gpu
from alerts.model import Alert, Proof, Scenario, Signal
from alerts.promql import select
from catalog.faults import GPU_REBOOT_REQUIRED
from catalog.gpu_repair import GPU_RECOVERY_ACTION as ACTION

ASKED = select(ACTION, state=("node_reboot", "system_reboot"))
NONE, REBOOT = (select(ACTION, state=state) for state in ("none", "node_reboot"))

ALERT = Alert(
    name=GPU_REBOOT_REQUIRED.name,
    fault=GPU_REBOOT_REQUIRED,
    device=GPU,
    expr=of_gpu(f"{ASKED} == 1"),
    severity="critical",
    summary=f"{GPU.title} asks for a reboot of the node",
    description=(
        f"{GPU.title}: the driver asks for a reboot of the node; a reset of the GPU is not enough. "
        "Drain the node and reboot it."
    ),
    why="The GPU cannot be used until the reboot.",
    first_step="Drain the node, keep nvidia-bug-report.sh's output, and reboot.",
    proof=Proof(soak=SOAK, subject=held(NONE, 1), facilities=("gpu/recovery", "node/boot")),
    scenarios=(
        Scenario(
            name="the recovery action is a reboot",
            signals=(
                Signal(series=NONE, healthy=1, below=1, faulty=0),
                Signal(series=REBOOT, healthy=0, below=0, faulty=1),
                HAS_BOOTED,
            ),
        ),
    ),
)
