"""The driver says that somebody has to look at the card itself: its power is not connected."""

from alerts.devices import GPU
from alerts.evidence import BOOT
from alerts.gpus import Xids, well
from alerts.model import Alert
from catalog.faults import GPU_XID_SUPPORT

XIDS = Xids(codes=(54,), resolutions=("CHECK_MECHANICALS",), origin=BOOT)

ALERT = Alert(
    name=GPU_XID_SUPPORT.name,
    fault=GPU_XID_SUPPORT,
    device=GPU,
    expr=XIDS.expr,
    severity="critical",
    summary=f"{GPU.title} has to be looked at by a person",
    description=(
        f"{GPU.title} logged Xid 54: its auxiliary power is not connected, or not well. Move its "
        "workloads away, power the node off and check the GPU's power cables and seat."
    ),
    why="The GPU runs at reduced power, and may go off the bus under load.",
    first_step="Drain the node, power it off, and check the power cabling of this slot.",
    proof=well(XIDS),
    scenarios=(XIDS.scenario(54),),
)
