"""A GPU on an NVSwitch board has fewer NVLinks up than its neighbours."""

from datetime import timedelta

from alerts.devices import GPU
from alerts.evidence import Full
from alerts.gpus import KEYS, SOAK, of_gpu
from alerts.model import Alert, Proof, Scenario, Signal
from alerts.promql import by, latest, select
from catalog.faults import GPU_NVLINK_DOWN
from catalog.gpu_nvlink import NVLINK_LINKS, NVLINK_REMOTES
from catalog.labels import NODE

ACTIVE = select(NVLINK_LINKS, state="active")
TO_SWITCH = select(NVLINK_REMOTES, remote="switch")

ALERT = Alert(
    name=GPU_NVLINK_DOWN.name,
    fault=GPU_NVLINK_DOWN,
    device=GPU,
    expr=of_gpu(
        f"{ACTIVE} < on ({by(NODE)}) group_left () {latest(ACTIVE, NODE)}"
        f" and on ({by(NODE)}) {TO_SWITCH} > 0"
    ),
    hold=timedelta(minutes=1),
    severity="critical",
    summary=f"{GPU.title} has lost an NVLink",
    description=(
        f"{GPU.title} has fewer active NVLinks than the other GPUs of its board, which all have "
        "the same number to the NVSwitches. Move its workloads away, reset the board's GPUs "
        "together, and have the board looked at if the link stays down."
    ),
    why="All collectives within the node run at the speed of the GPU with the fewest links.",
    first_step="Run nvidia-smi nvlink --status on the node; look for Xid 74 or 144 to 150.",
    proof=Proof(
        soak=SOAK,
        subject=Full(series=ACTIVE, limit=ACTIVE, keys=KEYS, limit_keys=(NODE,)),
        facilities=("gpu/nvlink",),
    ),
    scenarios=(
        Scenario(
            name="one of eighteen links is down",
            signals=(
                Signal(series=ACTIVE, healthy=18, below=18, faulty=17),
                Signal(series=TO_SWITCH, healthy=18),
            ),
        ),
    ),
)
