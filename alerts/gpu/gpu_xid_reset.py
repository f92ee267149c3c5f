"""The driver logged an Xid that NVIDIA resolves by a reset of the GPU."""

from alerts.devices import GPU
from alerts.evidence import RESET
from alerts.gpus import Xids, resetting, well
from alerts.model import Alert
from catalog.faults import GPU_XID_RESET

OTHERS = (64, 95)
"""Those of the memory are GpuMemoryUncorrectable."""

XIDS = Xids(codes=resetting(but=OTHERS), resolutions=("RESET_GPU",), origin=RESET)

ALERT = Alert(
    name=GPU_XID_RESET.name,
    fault=GPU_XID_RESET,
    device=GPU,
    expr=XIDS.expr,
    severity="critical",
    summary=f"{GPU.title} needs a reset",
    description=(
        f"{GPU.title} logged an Xid since its last reset that NVIDIA resolves by a reset (such as "
        "46, 62, 109, 119, 120, 140, 143). Move its workloads away and reset it with nvidia-smi "
        "--gpu-reset; if that fails, reboot the node."
    ),
    why="What ran on the GPU is dead or hangs, and what starts there next may too.",
    first_step="Find the Xid in the kernel log (dmesg | grep Xid), then drain and reset the GPU.",
    proof=well(XIDS),
    scenarios=(XIDS.scenario(119),),
)
