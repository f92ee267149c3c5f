"""The GPU's PCIe link runs at work in an older generation than GPU and slot have in common."""

from datetime import timedelta

from alerts.devices import GPU
from alerts.gpus import KEYS, of_gpu
from alerts.model import Alert, At, Scenario, Signal, Threshold
from alerts.promql import Series, by, latest
from catalog.gpu import GPU_UTILIZATION
from catalog.gpu_pcie import GPU_PCIE_GENERATION, GPU_PCIE_GENERATION_MAX

NOW, NEWEST = Series(GPU_PCIE_GENERATION.name), Series(GPU_PCIE_GENERATION_MAX.name)
BUSY = Series(GPU_UTILIZATION.name)

ALERT = Alert(
    name="GpuPcieSlow",
    device=GPU,
    expr=of_gpu(
        f"{NOW} < on ({by(*KEYS)}) group_left () {latest(NEWEST, *KEYS)}"
        f" and on ({by(*KEYS)}) {BUSY} > $busy"
    ),
    hold=timedelta(minutes=10),
    keep_firing_for=timedelta(minutes=10),
    severity="warning",
    summary=f"{GPU.title} has a slow PCIe link",
    description=(
        f"{GPU.title} works, and its PCIe link runs in an older generation than it could. Look at "
        "the link's state and at AER messages; reseat the card or riser when the node is free."
    ),
    why="Loading data and traffic to the NIC over this link take a multiple of the time.",
    first_step="Run lspci -vv on the GPU and its upstream port while it works: LnkSta, LnkCap.",
    thresholds=(
        Threshold(
            name="busy",
            default=0.5,
            meaning="Utilisation from which on the generation counts.",
            source="our own guess; that it falls while a GPU idles is NVIDIA's",
        ),
    ),
    scenarios=(
        Scenario(
            name="generation 1 under load",
            signals=(
                Signal(series=NOW, healthy=5, below=1, faulty=1),
                Signal(series=NEWEST, healthy=5),
                Signal(
                    series=BUSY,
                    healthy=0.9,
                    below=At(threshold="busy"),
                    faulty=At(threshold="busy", plus=0.1),
                ),
            ),
        ),
    ),
)
