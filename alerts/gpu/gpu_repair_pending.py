"""A part of the GPU other than a memory row waits for the reset to be replaced."""

from datetime import timedelta

from alerts.devices import GPU
from alerts.evidence import Held, held
from alerts.gpus import IS_OK, KEYS, OK, SOAK, WAS_RESET, of_gpu
from alerts.model import Alert, Proof, Scenario, Signal
from alerts.promql import Series, select
from catalog.faults import GPU_REPAIR_PENDING
from catalog.gpu_repair import GPU_REPAIR_PENDING as PENDING_METRIC

PENDING = Series(PENDING_METRIC.name)
CHANNEL, TPC = (select(PENDING_METRIC, part=part) for part in ("channel", "tpc"))

ALERT = Alert(
    name=GPU_REPAIR_PENDING.name,
    fault=GPU_REPAIR_PENDING,
    device=GPU,
    expr=of_gpu(f"{PENDING} == 1"),
    hold=timedelta(minutes=5),
    severity="warning",
    summary=f"{GPU.title} waits for a reset to repair itself",
    description=(
        f"{GPU.title} has a damaged memory channel or processor cluster that is replaced at the "
        "next reset. Reset it with nvidia-smi --gpu-reset when it is idle."
    ),
    why="The GPU goes on, but the damaged part may fail again before it is replaced.",
    first_step="Wait until the GPU is idle, then reset it; see nvidia-smi -q -d REPAIR_STATUS.",
    proof=Proof(
        soak=SOAK,
        subject=held(OK, 1),
        evidence=(Held(series=PENDING, at_least=0, at_most=0, keys=KEYS),),
        facilities=("gpu/repairs", "gpu/state", "gpu/xid"),
    ),
    scenarios=(
        Scenario(
            name="a memory channel waits for the reset",
            signals=(
                IS_OK,
                Signal(series=CHANNEL, healthy=0, below=0, faulty=1),
                Signal(series=TPC, healthy=0),
                WAS_RESET,
            ),
        ),
    ),
)
