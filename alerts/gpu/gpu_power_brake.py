"""The system's power supply has pulled the GPU's brake."""

from datetime import timedelta

from alerts.devices import GPU
from alerts.evidence import Held
from alerts.gpus import KEYS, SOAK, of_gpu
from alerts.model import Alert, Proof, Scenario, Signal
from alerts.promql import select
from catalog.faults import GPU_POWER_BRAKE
from catalog.gpu_clocks import GPU_CLOCKS_LIMITED

LIMITED = select(GPU_CLOCKS_LIMITED, reason=("hw_power_brake_slowdown",))
FIRST = select(GPU_CLOCKS_LIMITED, reason="hw_power_brake_slowdown")

ALERT = Alert(
    name=GPU_POWER_BRAKE.name,
    fault=GPU_POWER_BRAKE,
    device=GPU,
    expr=of_gpu(f"{LIMITED} == 1"),
    hold=timedelta(minutes=5),
    keep_firing_for=timedelta(minutes=5),
    severity="warning",
    summary=f"{GPU.title} is held down by the power brake",
    description=(
        f"{GPU.title} halves its clocks because the system asserts the power brake: a power supply "
        "failed, or the rack's limit is reached. Look at the power supplies in the BMC, then at "
        "the rack's power."
    ),
    why="The GPU runs at about half its speed, and each collective job waits for it.",
    first_step="Read the BMC's event log for power supplies and the rack's power meter.",
    proof=Proof(
        soak=SOAK,
        subject=Held(series=LIMITED, at_least=0, at_most=0, keys=KEYS),
        facilities=("gpu/clock_limits",),
    ),
    scenarios=(
        Scenario(
            name="the driver names the reason",
            signals=(Signal(series=FIRST, healthy=0, below=0, faulty=1),),
        ),
    ),
)
