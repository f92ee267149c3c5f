"""An RDMA device cannot be read: its firmware or driver hangs."""

from datetime import timedelta

from alerts.devices import Device, shown
from alerts.model import Alert, Scenario, Signal
from alerts.promql import by, select
from catalog.labels import DEVICE, NODE
from catalog.rdma import RDMA_DEVICE_STATE

BAD = select(RDMA_DEVICE_STATE, state=("hung", "unreadable"))
HUNG = select(RDMA_DEVICE_STATE, state="hung")
CARD = Device(
    identity="",
    keys=(DEVICE,),
    labels=(NODE, DEVICE),
    title=f"RDMA device {shown(DEVICE)} of {shown(NODE)}",
    samples=({NODE: "node-1", DEVICE: "mlx5_0"}, {NODE: "node-1", DEVICE: "mlx5_1"}),
)

ALERT = Alert(
    name="RdmaDeviceUnreadable",
    device=CARD,
    expr=f"max by ({by(*CARD.labels)}) ({BAD} == 1)",
    hold=timedelta(minutes=5),
    severity="warning",
    summary=f"{CARD.title} cannot be read",
    description=(
        f"{CARD.title} does not answer, or only with errors. Nothing is known of its ports. Look "
        "for mlx5_core, bnxt_re or irdma in the kernel log (health compromised, command "
        "timeout), and reset the card or reboot the node when it is free."
    ),
    why="Its ports may be down unseen, and a fault of theirs cannot be proven gone.",
    first_step="Read the kernel log of the driver, and try cat on a file of its ports in /sys.",
    scenarios=(
        Scenario(
            name="the firmware hangs",
            signals=(Signal(series=HUNG, healthy=0, below=0, faulty=1),),
        ),
    ),
)
