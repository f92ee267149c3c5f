"""A chip-to-chip link between the GPU and the CPU on its module is down."""

from datetime import timedelta

from alerts.devices import GPU
from alerts.evidence import held
from alerts.gpus import SOAK, of_gpu
from alerts.model import Alert, Proof, Scenario, Signal
from alerts.promql import select
from catalog.faults import GPU_C2C_LINK_DOWN
from catalog.gpu_fabric import C2C_LINKS

DOWN = select(C2C_LINKS, state="inactive")
UNKNOWN = select(C2C_LINKS, state="unknown")

ALERT = Alert(
    name=GPU_C2C_LINK_DOWN.name,
    fault=GPU_C2C_LINK_DOWN,
    device=GPU,
    expr=of_gpu(f"{DOWN} > 0"),
    hold=timedelta(minutes=2),
    severity="critical",
    summary=f"{GPU.title} has lost a chip-to-chip link",
    description=(
        f"{GPU.title} has an inactive NVLink-C2C link to the CPU of its module. No new work is "
        "sent there; reboot the node when it is free, and have the module replaced if the link "
        "stays down."
    ),
    why="Traffic between CPU and GPU memory is slow, and may fail.",
    first_step="Run nvidia-smi c2c -s on the node; look for Xid 121 in the kernel log.",
    proof=Proof(
        soak=SOAK,
        subject=held(DOWN, 0),
        evidence=(held(UNKNOWN, 0),),
        facilities=("gpu/c2c",),
    ),
    scenarios=(
        Scenario(
            name="one link is inactive",
            signals=(
                Signal(series=DOWN, healthy=0, below=0, faulty=1),
                Signal(series=UNKNOWN, healthy=0),
            ),
        ),
    ),
)
