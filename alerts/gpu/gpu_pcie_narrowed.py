"""The GPU's PCIe link runs on fewer lanes than GPU and slot have in common."""

from datetime import timedelta

from alerts.devices import GPU
from alerts.evidence import Full
from alerts.gpus import KEYS, SOAK, of_gpu
from alerts.model import Alert, Proof, Scenario, Signal
from alerts.promql import Series, by, latest
from catalog.faults import GPU_PCIE_NARROWED
from catalog.gpu_pcie import GPU_PCIE_LANES, GPU_PCIE_LANES_MAX

LANES, MOST = Series(GPU_PCIE_LANES.name), Series(GPU_PCIE_LANES_MAX.name)

ALERT = Alert(
    name=GPU_PCIE_NARROWED.name,
    fault=GPU_PCIE_NARROWED,
    device=GPU,
    expr=of_gpu(f"{LANES} < on ({by(*KEYS)}) group_left () {latest(MOST, *KEYS)}"),
    hold=timedelta(minutes=10),
    severity="warning",
    summary=f"{GPU.title} has a narrowed PCIe link",
    description=(
        f"{GPU.title} runs its PCIe link on fewer lanes than GPU and slot have in common. Reseat "
        "the card or riser when the node is free, and replace the riser if that does not help."
    ),
    why="Loading data and traffic to the NIC over this link take a multiple of the time.",
    first_step="Run lspci -vv on the GPU and its upstream port: LnkSta against LnkCap.",
    proof=Proof(
        soak=SOAK,
        subject=Full(series=LANES, limit=MOST, keys=KEYS),
        facilities=("gpu/pcie",),
    ),
    scenarios=(
        Scenario(
            name="half the lanes are gone",
            signals=(
                Signal(series=LANES, healthy=16, below=16, faulty=8),
                Signal(series=MOST, healthy=16),
            ),
        ),
    ),
)
