"""GPUs that pods could have: of nodes that take some, what no pod that lives asks for."""

from alerts.neighbouring import GPU_RESOURCE, summed
from alerts.promql import Series, by, select
from catalog.conditions import CONDITIONS
from catalog.labels import NAMESPACE, NODE, POD
from catalog.neighbours import ALLOCATABLE
from catalog.neighbours_nodes import (
    NODE_CONDITION,
    NODE_CORDONED,
    NODE_TAINT,
    POD_PHASE,
    POD_REQUESTS,
)

GPUS = select(POD_REQUESTS, resource=GPU_RESOURCE)
HAS = select(ALLOCATABLE, resource=GPU_RESOURCE)
READY = select(NODE_CONDITION, condition="Ready", status="true")
POD_KEYS = by(NAMESPACE, POD)

_BOUND = Series(POD_REQUESTS.name, (*GPUS.matchers, f'{NODE}!=""'))
_ALIVE = select(POD_PHASE, phase=("Pending", "Running"))
_OURS = f".+/({'|'.join(condition.taint for condition in CONDITIONS)})"
"""Keys of our taints, whatever prefix the bridge was told to give them."""
_FENCED = select(NODE_TAINT, key=(_OURS,), effect=("NoSchedule", "NoExecute"))


def on_nodes() -> str:
    """Return the free GPUs of each node that is ready, and neither cordoned nor fenced by us."""
    node, has = by(NODE), summed(str(HAS), NODE)
    return f"""{has}
            - on ({node})
            (
              {summed(f"{_BOUND} and on ({POD_KEYS}) {_ALIVE} == 1", NODE)}
              or
              0 * {has}
            )
            and on ({node}) {READY} == 1
            unless on ({node}) {NODE_CORDONED.name} == 1
            unless on ({node}) {_FENCED}"""
