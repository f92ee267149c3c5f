"""The driver logged an Xid of which NVIDIA says only that its support should be asked."""

from alerts.devices import GPU
from alerts.gpus import of_gpu
from alerts.model import Alert, Moment, Scenario, Signal, Threshold
from alerts.promql import select
from catalog.gpu import GPU_XID_LAST_TIMESTAMP

SEEN = select(GPU_XID_LAST_TIMESTAMP, resolution="CONTACT_SUPPORT")
ONE = select(GPU_XID_LAST_TIMESTAMP, xid="142", resolution="CONTACT_SUPPORT")

ALERT = Alert(
    name="GpuXidContactSupport",
    device=GPU,
    expr=of_gpu(f"time() - {SEEN} < $seconds and {SEEN} > 0"),
    severity="warning",
    summary=f"{GPU.title} logged an Xid that only NVIDIA can explain",
    description=(
        f"{GPU.title} logged an Xid within the last hour whose resolution in NVIDIA's catalogue is "
        "to contact support (142, or one that should not occur). Keep nvidia-bug-report.sh's "
        "output and open a case; drain the node if its jobs fail."
    ),
    why="It is not known what the error did to the work on the GPU.",
    first_step="Find the Xid in the kernel log, and collect nvidia-bug-report.sh.",
    thresholds=(
        Threshold(
            name="seconds",
            default=3600,
            meaning="For how long after the Xid somebody is told.",
            source="our own guess: nothing tells when the matter is settled",
        ),
    ),
    scenarios=(
        Scenario(
            name="Xid 142",
            signals=(Signal(series=ONE, healthy=0, below=0, faulty=Moment.FAULT),),
        ),
    ),
)
