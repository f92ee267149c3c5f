"""Nobody knows how many GPUs a node should have, so that none can be missed."""

from datetime import timedelta

from alerts.devices import NODE as NODE_ITSELF
from alerts.model import Alert, Moment, Scenario, Signal
from alerts.promql import Series, by, select
from catalog.gpu import GPU_STATE
from catalog.gpu_state import GPU_EXPECTED
from catalog.labels import NODE

THERE = select(GPU_STATE, state="ok")
ONE = select(GPU_STATE, gpu="0", uuid="GPU-0", state="ok")
EXPECTED = Series(GPU_EXPECTED.name)
DECLARED = select(GPU_EXPECTED, source="declared")

ALERT = Alert(
    name="InventoryUnknown",
    device=NODE_ITSELF,
    expr=f"max by ({by(NODE)}) ({THERE}) == 1 unless on ({by(NODE)}) {EXPECTED}",
    hold=timedelta(hours=2),
    severity="info",
    summary=f"It is not known how many GPUs {NODE_ITSELF.title} should have",
    description=(
        f"{NODE_ITSELF.title} has GPUs, and neither a declared nor a learned inventory. Declare "
        "it (--inventory.file, or node annotation railwatch.io/expected), or let the exporter "
        "keep what it learns (--path.state)."
    ),
    why="A GPU that is lost while the exporter is away is never missed.",
    first_step="Declare the inventory of this kind of node once, by its product name.",
    scenarios=(
        Scenario(
            name="there is no inventory",
            signals=(
                Signal(series=ONE, healthy=1),
                Signal(series=DECLARED, healthy=1, below=1, faulty=Moment.GONE),
            ),
        ),
    ),
)
