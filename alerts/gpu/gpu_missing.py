"""A GPU that this node should have is not there any more."""

from datetime import timedelta

from alerts.devices import NODE as NODE_ITSELF
from alerts.evidence import Counted
from alerts.gpus import SOAK
from alerts.model import Alert, Proof, Scenario, Signal
from alerts.promql import Series, by, latest, select
from catalog.faults import GPU_MISSING
from catalog.gpu import GPU_STATE
from catalog.gpu_state import GPU_EXPECTED
from catalog.labels import NODE, OBSERVED

EXPECTED = Series(GPU_EXPECTED.name)
THERE = ("ok", "lost", "hung", "reset_required", "unreadable", "not_managed")
PRESENT = select(GPU_STATE, state=THERE)
WELL = select(GPU_STATE, state=("ok", "not_managed"))
OBSERVES = Series(OBSERVED, ('family="gpu"', 'facility="state"'))
FIRST, SECOND, DECLARED = (
    Series(GPU_STATE.name, ('gpu="0"', 'uuid="GPU-aaaa"', 'state="ok"')),
    Series(GPU_STATE.name, ('gpu="1"', 'uuid="GPU-bbbb"', 'state="ok"')),
    select(GPU_EXPECTED, source="declared"),
)

ALERT = Alert(
    name=GPU_MISSING.name,
    fault=GPU_MISSING,
    device=NODE_ITSELF,
    expr=f"""
        {latest(EXPECTED, NODE)}
          > on ({by(NODE)})
        (count by ({by(NODE)}) ({PRESENT} == 1) or 0 * {latest(EXPECTED, NODE)})
          and on ({by(NODE)})
        {OBSERVES} == 1
        """,
    hold=timedelta(minutes=5),
    reads=("gpu/state",),
    severity="critical",
    summary=f"{NODE_ITSELF.title} lacks a GPU",
    description=(
        f"{NODE_ITSELF.title} shows fewer GPUs than it should have, by its declared or learned "
        "inventory. See which slot is empty (railwatch_gpu_state with state missing), reboot the "
        "node, and reseat or replace the card if it stays away."
    ),
    why="Jobs that want all of the node's GPUs cannot start here, and may not say why.",
    first_step="Compare lspci -d 10de: with the inventory, and read the kernel log of the boot.",
    proof=Proof(
        soak=SOAK,
        subject=Counted(series=WELL, at_least=EXPECTED),
        facilities=("gpu/state",),
    ),
    scenarios=(
        Scenario(
            name="one of two GPUs is gone",
            signals=(
                Signal(series=DECLARED, healthy=2),
                Signal(series=FIRST, healthy=1),
                Signal(series=SECOND, healthy=1, below=1, faulty=0),
            ),
        ),
    ),
)
