"""The driver logged an Xid that NVIDIA resolves by restarting the virtual machine."""

from alerts.devices import GPU
from alerts.evidence import BOOT
from alerts.gpus import Xids, well
from alerts.model import Alert
from catalog.faults import GPU_XID_RESTART_VM

XIDS = Xids(codes=(151,), resolutions=("RESTART_VM",), origin=BOOT)

ALERT = Alert(
    name=GPU_XID_RESTART_VM.name,
    fault=GPU_XID_RESTART_VM,
    device=GPU,
    expr=XIDS.expr,
    severity="critical",
    summary=f"{GPU.title} needs its virtual machine restarted",
    description=(
        f"{GPU.title} logged Xid 151: the keys of its confidential-computing session could not be "
        "rotated. Move its workloads away and restart the virtual machine that is this node."
    ),
    why="The GPU refuses work in confidential computing until the session is set up anew.",
    first_step="Drain the node and restart its virtual machine.",
    proof=well(XIDS),
    scenarios=(XIDS.scenario(151),),
)
