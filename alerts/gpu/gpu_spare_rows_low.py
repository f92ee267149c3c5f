"""A bank of the GPU's memory has no spare row left: the next error there cannot be repaired."""

from datetime import timedelta

from alerts.devices import GPU
from alerts.gpus import of_gpu
from alerts.model import Alert, Scenario, Signal
from alerts.promql import select
from catalog.gpu_repair import GPU_REMAPPER_BANKS

EMPTY = select(GPU_REMAPPER_BANKS, availability="none")

ALERT = Alert(
    name="GpuSpareRowsLow",
    device=GPU,
    expr=of_gpu(f"{EMPTY} > 0"),
    hold=timedelta(minutes=5),
    severity="info",
    summary=f"{GPU.title} has used up the spare rows of a memory bank",
    description=(
        f"{GPU.title} has a memory bank without spare rows. Nothing is wrong yet; plan the card's "
        "replacement, and do not put the longest jobs there."
    ),
    why="The next uncorrectable error in that bank ends in a failed remapping (Xid 64).",
    first_step="See nvidia-smi -q -d ROW_REMAPPER, then ask the vendor for a replacement.",
    scenarios=(
        Scenario(
            name="one bank is used up",
            signals=(Signal(series=EMPTY, healthy=0, below=0, faulty=1),),
        ),
    ),
)
