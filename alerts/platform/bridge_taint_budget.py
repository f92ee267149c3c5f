"""The budget on harm is spent: faults are known that nothing is done about."""

from alerts.devices import BRIDGE
from alerts.model import Alert, Scenario, Signal
from alerts.promql import Series, select
from catalog.bridge import BUDGET_WITHHELD
from catalog.labels import CLUSTER

WITHHELD = Series(BUDGET_WITHHELD.name)
OF_FLEET = select(BUDGET_WITHHELD, budget="fleet")

ALERT = Alert(
    name="BridgeTaintBudget",
    device=BRIDGE,
    needs_fleet=True,
    expr=f"sum by ({CLUSTER}) ({WITHHELD}) > 0",
    severity="critical",
    summary="The bridge withholds taints: its budget is spent",
    description=(
        "So many nodes are out of use that the bridge takes no further one. Either the fleet is "
        "really that ill, or a rule is wrong and the budget has just saved it: look at what the "
        "open faults have in common before raising any --budget."
    ),
    why="Nodes with known faults take new work, because more of the fleet may not be fenced.",
    first_step=(
        "See railwatch_bridge_faults by condition: one condition for many nodes is a rule or a "
        "switch."
    ),
    scenarios=(
        Scenario(
            name="a rule goes wild",
            signals=(Signal(series=OF_FLEET, healthy=0, below=0, faulty=3),),
        ),
    ),
)
