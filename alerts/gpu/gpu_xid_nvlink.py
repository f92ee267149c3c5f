"""The driver logged an NVLink error that asks for a reset or for NVIDIA's NVLink workflow."""

from alerts.devices import GPU
from alerts.evidence import RESET
from alerts.gpus import Xids, well
from alerts.model import Alert
from catalog.faults import GPU_XID_NVLINK

XIDS = Xids(
    codes=(74, *range(144, 151)),
    resolutions=("RESET_GPU", "WORKFLOW_NVLINK_ERR", "WORKFLOW_NVLINK5_ERR"),
    origin=RESET,
)
"""74 up to NVLink 4; 144 to 150 from NVLink 5 on, of which many sub-codes are to be ignored: the
exporter decodes them, and those stand under the resolution IGNORE."""

ALERT = Alert(
    name=GPU_XID_NVLINK.name,
    fault=GPU_XID_NVLINK,
    device=GPU,
    expr=XIDS.expr,
    severity="critical",
    summary=f"{GPU.title} has had an NVLink error",
    description=(
        f"{GPU.title} logged an NVLink error since its last reset (Xid 74, or 144 to 150 with a "
        "sub-code that is not harmless). Move its workloads away, look which link it was "
        "(nvidia-smi nvlink -e), reset the GPU, and inspect the link if it comes back."
    ),
    why="Collectives between the node's GPUs fail or hang, or run over PCIe at a tenth the speed.",
    first_step="Find the link in the kernel log, and see whether the peer GPU logged it too.",
    proof=well(XIDS),
    scenarios=(XIDS.scenario(74), XIDS.scenario(149)),
)
