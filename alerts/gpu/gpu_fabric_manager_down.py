"""No GPU of the node is registered with the NVLink fabric: the fabric manager does not run."""

from datetime import timedelta

from alerts.devices import NODE as NODE_ITSELF
from alerts.evidence import Held
from alerts.gpus import SOAK
from alerts.model import Alert, Proof, Scenario, Signal
from alerts.promql import latest, select
from catalog.faults import GPU_FABRIC_MANAGER_DOWN
from catalog.gpu_fabric import FABRIC_STATE
from catalog.labels import NODE

REGISTERED = select(FABRIC_STATE, state="completed")
FIRST, SECOND = (
    select(FABRIC_STATE, gpu=gpu, uuid=f"GPU-{gpu}", state="completed") for gpu in "01"
)

ALERT = Alert(
    name=GPU_FABRIC_MANAGER_DOWN.name,
    fault=GPU_FABRIC_MANAGER_DOWN,
    device=NODE_ITSELF,
    expr=f"{latest(REGISTERED, NODE)} == 0",
    hold=timedelta(minutes=2),
    severity="critical",
    summary=f"The fabric manager of {NODE_ITSELF.title} does not work",
    description=(
        f"{NODE_ITSELF.title}: none of its GPUs is registered with the NVLink fabric. Look at the "
        "service nvidia-fabricmanager (on NVLink 5 also at nvlsm): it must run in exactly the "
        "driver's version. Then restart it."
    ),
    why="CUDA does not start on these GPUs (error 802), or they cannot reach each other.",
    first_step="Run systemctl status nvidia-fabricmanager and compare its version with nvidia-smi.",
    proof=Proof(
        soak=SOAK,
        subject=Held(series=REGISTERED, at_least=1, keys=(NODE,)),
        facilities=("gpu/fabric",),
    ),
    scenarios=(
        Scenario(
            name="no GPU is registered",
            signals=(
                Signal(series=FIRST, healthy=1, below=0, faulty=0),
                Signal(series=SECOND, healthy=1, below=1, faulty=0),
            ),
        ),
    ),
)
