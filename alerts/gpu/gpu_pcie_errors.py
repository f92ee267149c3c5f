"""The GPU's PCIe link has to send again, or has errors that it does not get over."""

from datetime import timedelta

from alerts.devices import GPU
from alerts.evidence import Risen
from alerts.gpus import KEYS, of_gpu
from alerts.model import Alert, At, Proof, Rising, Scenario, Signal, Threshold
from alerts.promql import Series, select
from catalog.faults import GPU_PCIE_ERRORS
from catalog.gpu_pcie import GPU_PCIE_ERRORS as ERRORS
from catalog.gpu_pcie import GPU_PCIE_REPLAYS

REPLAYS = Series(GPU_PCIE_REPLAYS.name)
SERIOUS = select(ERRORS, kind=("fatal", "non_fatal"))
FATAL = select(ERRORS, kind="fatal")

ALERT = Alert(
    name=GPU_PCIE_ERRORS.name,
    fault=GPU_PCIE_ERRORS,
    device=GPU,
    expr=of_gpu(f"increase({REPLAYS}[$window]) >= $replays or increase({SERIOUS}[$memory]) > 0"),
    notices=timedelta(minutes=10),
    keep_firing_for=timedelta(minutes=15),
    severity="warning",
    summary=f"The PCIe link of {GPU.title} errs",
    description=(
        f"{GPU.title} counted $replays or more replays on its PCIe link within $window, or "
        "an uncorrected error within $memory. Reseat the card and its riser when the node is free; "
        "errors that come back often precede Xid 79."
    ),
    why="Replays slow the link; a link that errs tends to drop the GPU off the bus.",
    first_step="Look for AER messages of the GPU's slot in the kernel log.",
    thresholds=(
        Threshold(
            name="replays",
            default=60,
            meaning="Replays within the window.",
            source="DCGM's PCIe health watch warns at 8 replays a minute; this is a little less",
        ),
        Threshold(
            name="window",
            default=timedelta(minutes=10),
            meaning="How far back replays count.",
            source="our own guess",
        ),
        Threshold(
            name="memory",
            default=timedelta(hours=1),
            meaning="How far back uncorrected errors count; no shorter than the soak.",
            source=(
                "the soak: not every card tells of them, so the proof cannot ask for none, but "
                "nothing is proven while the alert fires"
            ),
        ),
    ),
    proof=Proof(
        soak=timedelta(hours=1),
        subject=Risen(series=REPLAYS, at_most="$replays", keys=KEYS),
        facilities=("gpu/pcie_errors",),
    ),
    scenarios=(
        Scenario(
            name="replays rise",
            signals=(
                Signal(
                    series=REPLAYS,
                    healthy=0,
                    below=At(threshold="replays", times=0.8),
                    faulty=Rising(rate=At(threshold="replays", times=0.01)),
                    recovered=0,
                ),
                Signal(series=FATAL, healthy=0),
            ),
        ),
    ),
)
