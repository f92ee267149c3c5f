"""The GPU's MIG mode was changed, and the change waits for a reset."""

from datetime import timedelta

from alerts.devices import GPU
from alerts.gpus import KEYS, of_gpu
from alerts.model import Alert, Scenario, Signal
from alerts.promql import Series, by
from catalog.gpu_mig import GPU_MIG_MODE, GPU_MIG_MODE_PENDING

NOW, PENDING = Series(GPU_MIG_MODE.name), Series(GPU_MIG_MODE_PENDING.name)

ALERT = Alert(
    name="GpuMigModePending",
    device=GPU,
    expr=of_gpu(f"{PENDING} != on ({by(*KEYS)}) group_left () max by ({by(*KEYS)}) ({NOW})"),
    hold=timedelta(minutes=30),
    severity="info",
    summary=f"{GPU.title} waits for a reset to change its MIG mode",
    description=(
        f"{GPU.title} was told to change its MIG mode and has not been reset since. Reset it when "
        "it is idle, or take the change back: after a reboot it comes into force by itself."
    ),
    why="A reboot for another reason changes what the node offers, to everybody's surprise.",
    first_step="Ask who changed it; see nvidia-smi -q and the MIG manager's log.",
    scenarios=(
        Scenario(
            name="it is to be switched on",
            signals=(
                Signal(series=NOW, healthy=0),
                Signal(series=PENDING, healthy=0, below=0, faulty=1),
            ),
        ),
    ),
)
