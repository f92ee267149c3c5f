"""A GPU computes longer than its peers at the same work, which wait for it.

In a synchronous job all GPUs have the same to do in each step. The slow one has its tensor cores at
work for a larger share of the step; the others spend that time waiting in a collective.
"""

from datetime import timedelta

from alerts.devices import RANK
from alerts.evidence import Held
from alerts.model import Alert, Proof, Scenario, Signal, Threshold
from alerts.promql import Series, select
from catalog.compared import TENSOR_RATIO
from catalog.faults import GPU_STRAGGLER
from catalog.gpu import GPU_UTILIZATION
from catalog.gpu_allocation import GPU_ALLOCATION
from catalog.gpu_gpm import GPU_TENSOR_ACTIVE

RATIO = Series(TENSOR_RATIO)

ALERT = Alert(
    name=GPU_STRAGGLER.name,
    fault=GPU_STRAGGLER,
    device=RANK,
    needs_fleet=True,
    reads=("gpu/gpm", "allocation/pods"),
    expr=f"{RATIO} > $ratio",
    hold=timedelta(minutes=10),
    keep_firing_for=timedelta(minutes=5),
    severity="warning",
    summary=f"{RANK.title} is slower than its peers",
    description=(
        f"{RANK.title} has its tensor cores at work more than $ratio times as long as the median "
        "of the GPUs that do the same work: the others wait for it. Compare clocks, temperature, "
        "PCIe and NVLink with a peer's. Work that is shared out unevenly looks the same."
    ),
    why="A synchronous job runs at the speed of its slowest GPU.",
    first_step="Ask whether this rank has more to do by design (a pipeline's last stage, say).",
    thresholds=(
        Threshold(
            name="ratio",
            default=1.3,
            meaning="Times the peers' median share of time with tensor cores at work.",
            source="our own guess: ranks with the same work lie within a few percent",
        ),
    ),
    proof=Proof(
        soak=timedelta(minutes=30),
        subject=Held(series=RATIO, at_most="$ratio", recorded=True),
        facilities=("gpu/state",),
    ),
    scenarios=(
        Scenario(
            name="its tensor cores work longer",
            signals=(
                Signal(series=select(GPU_ALLOCATION, mig="", container="c"), healthy=1),
                Signal(series=Series(GPU_UTILIZATION.name), healthy=0.95),
                Signal(
                    series=select(GPU_TENSOR_ACTIVE, mig=""),
                    healthy=0.3,
                    below=0.38,
                    faulty=0.6,
                ),
            ),
        ),
    ),
)
