"""NVIDIA's driver does not work on this node, and so none of its GPUs does."""

from datetime import timedelta

from alerts.devices import NODE as NODE_ITSELF
from alerts.evidence import held
from alerts.gpus import SOAK
from alerts.model import Alert, Proof, Scenario, Signal
from alerts.promql import by, select
from catalog.faults import GPU_DRIVER_DOWN
from catalog.gpu_state import GPU_DRIVER_STATE
from catalog.labels import NODE

OK = select(GPU_DRIVER_STATE, state="ok")
BAD = select(GPU_DRIVER_STATE, state=("hung", "failing", "absent", "version_mismatch"))
MISMATCH = select(GPU_DRIVER_STATE, state="version_mismatch")
HUNG = select(GPU_DRIVER_STATE, state="hung")

ALERT = Alert(
    name=GPU_DRIVER_DOWN.name,
    fault=GPU_DRIVER_DOWN,
    device=NODE_ITSELF,
    expr=f"max by ({by(NODE)}) ({BAD} == 1)",
    hold=timedelta(minutes=10),
    severity="critical",
    summary=f"NVIDIA's driver does not work on {NODE_ITSELF.title}",
    description=(
        f"{NODE_ITSELF.title}: the driver hangs, fails for every GPU, is not loaded, or does not "
        "fit its library. This is the driver or its installation, not the GPUs. See "
        "railwatch_gpu_driver_state for which it is; reload the driver or reboot the node."
    ),
    why="No pod with a GPU can start here; those that run may go on, or hang.",
    first_step="Run nvidia-smi on the node and compare it with cat /proc/driver/nvidia/version.",
    proof=Proof(soak=SOAK, subject=held(OK, 1), facilities=("gpu/state",)),
    scenarios=(
        Scenario(
            name="the library is of another version than the driver",
            signals=(
                Signal(series=OK, healthy=1, below=1, faulty=0),
                Signal(series=MISMATCH, healthy=0, below=0, faulty=1),
                Signal(series=HUNG, healthy=0),
            ),
        ),
    ),
)
