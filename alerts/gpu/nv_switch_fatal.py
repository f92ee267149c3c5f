"""An NVSwitch of the node logged a fatal error."""

from alerts.devices import NODE as NODE_ITSELF
from alerts.evidence import Held
from alerts.gpus import BOOT_TIME, HAS_BOOTED, SOAK
from alerts.model import BOOTED, Alert, Moment, Proof, Scenario, Signal
from alerts.promql import by, latest, select
from catalog.faults import NVSWITCH_FATAL
from catalog.gpu import NVSWITCH_SXID_LAST_TIMESTAMP
from catalog.gpu_nvlink import NVLINK_LINKS
from catalog.labels import NODE
from catalog.sxid import FATAL

FATAL_ERROR = select(NVSWITCH_SXID_LAST_TIMESTAMP, severity=FATAL)
OF_SWITCH = select(NVSWITCH_SXID_LAST_TIMESTAMP, switch="0", sxid="24007", severity=FATAL)
LINKS = select(NVLINK_LINKS, state="active")
OF_GPU = select(NVLINK_LINKS, gpu="0", uuid="GPU-0", state="active")

ALERT = Alert(
    name=NVSWITCH_FATAL.name,
    fault=NVSWITCH_FATAL,
    device=NODE_ITSELF,
    expr=f"""
        max by ({by(NODE)}) (
          {FATAL_ERROR} > on ({by(NODE)}) group_left () {latest(BOOT_TIME, NODE)}
        )
        """,
    severity="critical",
    summary=f"An NVSwitch of {NODE_ITSELF.title} has failed",
    description=(
        f"{NODE_ITSELF.title}: an NVSwitch logged an SXid that is fatal, since the node's boot. "
        "Drain the node and reboot it; if it happens again, have the baseboard looked at."
    ),
    why="Every job that uses more than one GPU of this node has lost its NVLink traffic.",
    first_step="Find the SXid in the kernel log and its recovery in the fabric manager's guide.",
    proof=Proof(
        soak=SOAK,
        subject=Held(series=LINKS, at_least=1, keys=(NODE,)),
        facilities=("gpu/nvlink", "gpu/xid", "node/boot"),
    ),
    scenarios=(
        Scenario(
            name="the driver logs a fatal SXid",
            signals=(
                Signal(series=OF_GPU, healthy=18, faulty=0),
                Signal(
                    series=OF_SWITCH,
                    healthy=BOOTED,
                    below=BOOTED,
                    faulty=Moment.FAULT,
                    recovered=Moment.GONE,
                ),
                HAS_BOOTED,
            ),
        ),
    ),
)
