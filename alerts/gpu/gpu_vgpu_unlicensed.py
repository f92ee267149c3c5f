"""A vGPU has no licence, and is or soon will be restricted."""

from datetime import timedelta

from alerts.devices import GPU
from alerts.gpus import of_gpu
from alerts.model import Alert, Scenario, Signal
from alerts.promql import select
from catalog.gpu_license import GPU_VGPU_LICENSE

WITHOUT = ("unlicensed_unrestricted", "unlicensed_restricted", "unlicensed")
UNLICENSED = select(GPU_VGPU_LICENSE, state=WITHOUT)
RESTRICTED = select(GPU_VGPU_LICENSE, vgpu="", product="vWS", state="unlicensed_restricted")

ALERT = Alert(
    name="GpuVgpuUnlicensed",
    device=GPU,
    expr=of_gpu(f"{UNLICENSED} == 1"),
    hold=timedelta(minutes=15),
    severity="warning",
    summary=f"A vGPU of {GPU.title} has no licence",
    description=(
        f"{GPU.title}: a vGPU has no licence. Look at the licence server and at the client's "
        "token (nvidia-gridd in the guest's log); after a while its performance is restricted."
    ),
    why="Without a licence a vGPU is slowed down to a crawl.",
    first_step="Run nvidia-smi -q in the guest and read vGPU Software Licensed Product.",
    scenarios=(
        Scenario(
            name="it is restricted",
            signals=(Signal(series=RESTRICTED, healthy=0, below=0, faulty=1),),
        ),
    ),
)
