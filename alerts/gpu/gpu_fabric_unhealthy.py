"""The fabric manager says that this GPU is not well on the NVLink fabric."""

from datetime import timedelta

from alerts.devices import GPU
from alerts.evidence import held
from alerts.gpus import SOAK, of_gpu
from alerts.model import Alert, Proof, Scenario, Signal
from alerts.promql import select
from catalog.faults import GPU_FABRIC_UNHEALTHY
from catalog.gpu_fabric import FABRIC_HEALTH_STATE, FABRIC_STATE

REGISTERED = select(FABRIC_STATE, state="completed")
HEALTHY, UNHEALTHY = (
    select(FABRIC_HEALTH_STATE, state=state) for state in ("healthy", "unhealthy")
)
BAD = select(FABRIC_HEALTH_STATE, state=("unhealthy", "limited_capacity"))

ALERT = Alert(
    name=GPU_FABRIC_UNHEALTHY.name,
    fault=GPU_FABRIC_UNHEALTHY,
    device=GPU,
    expr=of_gpu(f"{BAD} == 1"),
    hold=timedelta(minutes=2),
    severity="critical",
    summary=f"{GPU.title} is not well on the NVLink fabric",
    description=(
        f"{GPU.title}: the fabric manager calls it unhealthy, or of limited capacity. No new work "
        "is sent there. See railwatch_gpu_fabric_trouble for what it is, and the fabric manager's "
        "log; reset the GPU when it is idle."
    ),
    why="Jobs over several GPUs fail to start, or run at a part of the bandwidth.",
    first_step="Run nvidia-smi -q and read the section Fabric; read the fabric manager's log.",
    proof=Proof(
        soak=SOAK,
        subject=held(HEALTHY, 1),
        evidence=(held(REGISTERED, 1),),
        facilities=("gpu/fabric",),
    ),
    scenarios=(
        Scenario(
            name="it is called unhealthy",
            signals=(
                Signal(series=REGISTERED, healthy=1),
                Signal(series=HEALTHY, healthy=1, below=1, faulty=0),
                Signal(series=UNHEALTHY, healthy=0, below=0, faulty=1),
            ),
        ),
    ),
)
