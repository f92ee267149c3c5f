"""Heat holds the GPU's clocks down."""

from datetime import timedelta

from alerts.devices import GPU
from alerts.evidence import Held
from alerts.gpus import KEYS, SOAK, of_gpu
from alerts.model import Alert, Proof, Scenario, Signal
from alerts.promql import select
from catalog.faults import GPU_THERMAL_THROTTLE
from catalog.gpu_clocks import GPU_CLOCKS_LIMITED

LIMITED = select(GPU_CLOCKS_LIMITED, reason=("hw_thermal_slowdown", "sw_thermal_slowdown"))
FIRST = select(GPU_CLOCKS_LIMITED, reason="hw_thermal_slowdown")

ALERT = Alert(
    name=GPU_THERMAL_THROTTLE.name,
    fault=GPU_THERMAL_THROTTLE,
    device=GPU,
    expr=of_gpu(f"{LIMITED} == 1"),
    hold=timedelta(minutes=5),
    keep_firing_for=timedelta(minutes=5),
    severity="warning",
    summary=f"{GPU.title} is held down by heat",
    description=(
        f"{GPU.title} runs below its clocks because it, or its memory, is too hot. Compare it with "
        "its neighbours: one hot GPU is its own heat sink or fan, all of them are the room or the "
        "chassis."
    ),
    why="The GPU is slower than its peers, and each collective job waits for it.",
    first_step="Compare its temperature with the node's other GPUs; then fans, filters, coolant.",
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
