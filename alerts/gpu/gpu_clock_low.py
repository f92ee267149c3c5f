"""A busy GPU's clock is well below that of its peers in the same workload."""

from datetime import timedelta

from alerts.devices import RANK
from alerts.evidence import Held
from alerts.model import Alert, At, Proof, Scenario, Signal, Threshold
from alerts.promql import Series, select
from catalog.compared import CLOCK_RATIO
from catalog.faults import GPU_CLOCK_LOW
from catalog.gpu import GPU_UTILIZATION
from catalog.gpu_allocation import GPU_ALLOCATION
from catalog.gpu_clocks import GPU_CLOCK

RATIO = Series(CLOCK_RATIO)

ALERT = Alert(
    name=GPU_CLOCK_LOW.name,
    fault=GPU_CLOCK_LOW,
    device=RANK,
    needs_fleet=True,
    reads=("allocation/pods",),
    expr=f"{RATIO} < $ratio",
    hold=timedelta(minutes=15),
    keep_firing_for=timedelta(minutes=5),
    severity="warning",
    summary=f"{RANK.title} runs at a lower clock than its peers",
    description=(
        f"{RANK.title} is busy and runs its SM clock below $ratio of the median of the GPUs that "
        "do the same work. See railwatch_gpu_clocks_limited for what holds it down: heat, power, "
        "or clocks that somebody set."
    ),
    why="A synchronous job runs at the speed of its slowest GPU.",
    first_step="Compare temperature, power and power limit with those of a peer.",
    thresholds=(
        Threshold(
            name="ratio",
            default=0.8,
            meaning="Share of the peers' median clock.",
            source="our own guess: GPUs of one kind at one work lie within a few percent",
        ),
    ),
    proof=Proof(
        soak=timedelta(minutes=30),
        subject=Held(series=RATIO, at_least="$ratio", recorded=True),
        facilities=("gpu/clocks",),
    ),
    scenarios=(
        Scenario(
            name="a clock of 60 % of the peers'",
            signals=(
                Signal(series=select(GPU_ALLOCATION, mig="", container="c"), healthy=1),
                Signal(series=Series(GPU_UTILIZATION.name), healthy=0.95),
                Signal(
                    series=select(GPU_CLOCK, domain="sm"),
                    healthy=1,
                    below=At(threshold="ratio", plus=0.01),
                    faulty=At(threshold="ratio", plus=-0.2),
                ),
            ),
        ),
    ),
)
