"""Calls to one GPU do not return, while those to its neighbours do."""

from datetime import timedelta

from alerts.devices import GPU
from alerts.evidence import held
from alerts.gpus import OK, SOAK, WAS_RESET, of_gpu
from alerts.model import Alert, Proof, Scenario, Signal
from alerts.promql import select
from catalog.faults import GPU_HUNG
from catalog.gpu import GPU_STATE

HUNG = select(GPU_STATE, state="hung")

ALERT = Alert(
    name=GPU_HUNG.name,
    fault=GPU_HUNG,
    device=GPU,
    expr=of_gpu(f"{HUNG} == 1"),
    hold=timedelta(minutes=1),
    severity="critical",
    summary=f"{GPU.title} hangs",
    description=(
        f"{GPU.title} does not answer the driver's calls, while the node's other GPUs do. Move its "
        "workloads away, then reset it; a process stuck in it (state D) only goes with a reboot."
    ),
    why="Processes on it wait for ever, and with them each collective job they are part of.",
    first_step="Look for processes in state D and for Xids 119, 120 or 79 in the kernel log.",
    proof=Proof(soak=SOAK, subject=held(OK, 1), facilities=("gpu/state",)),
    scenarios=(
        Scenario(
            name="its calls do not return",
            signals=(
                Signal(series=OK, healthy=1, below=1, faulty=0),
                Signal(series=HUNG, healthy=0, below=0, faulty=1),
                WAS_RESET,
            ),
        ),
    ),
)
