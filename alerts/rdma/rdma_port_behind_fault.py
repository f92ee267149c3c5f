"""Names each port behind a failed leaf, so that the ports' own alerts are kept from people.

Alertmanager inhibits by equal labels only, and the fault of a leaf has none in common with those of
ports. This alert has all of a port's; it is routed to nobody.
"""

from alerts.comparisons import leaves
from alerts.devices import PORT as ANY_PORT
from alerts.devices import Device
from alerts.model import Alert, Moment, Scenario, Signal
from alerts.promql import Series, by, select
from catalog.faults import FABRIC_LEAF_DOWN
from catalog.labels import DEVICE, DOMAIN, NODE, PORT
from catalog.topology import COMPUTE, RDMA_TOPOLOGY_INFO

FAILED = Series("ALERTS", (f'alertname="{FABRIC_LEAF_DOWN.name}"', 'alertstate="firing"'))
FAILED_ONE = Series("ALERTS", (*FAILED.matchers, f'{DOMAIN}="leaf-1"'))

LEAVES = leaves().replace("$", "$$")
"""A dollar sign is a threshold's, unless there are two."""

_FIRST, _SECOND = (
    {NODE: f"node-{node}", DEVICE: "mlx5_0", PORT: "1", "leaf": f"leaf-{node}", "rail": "0"}
    for node in (1, 2)
)
BEHIND = Device(
    identity="",
    keys=ANY_PORT.keys,
    labels=(NODE, DEVICE, PORT),
    title=ANY_PORT.title,
    samples=(_FIRST, _SECOND),
)

ALERT = Alert(
    name="RdmaPortBehindFault",
    device=BEHIND,
    needs_fleet=True,
    expr=f"max by ({by(*BEHIND.labels)}) ({LEAVES} and on ({by(DOMAIN)}) {FAILED})",
    severity="info",
    summary=f"{BEHIND.title} is behind a leaf that has failed",
    description=(
        f"{BEHIND.title} hangs on a leaf for which {FABRIC_LEAF_DOWN.name} fires. This alert only "
        "keeps the port's own alerts from people; see that one."
    ),
    why="A hundred alerts of ports would bury the one of the switch that they all come from.",
    first_step=f"None: see {FABRIC_LEAF_DOWN.name}.",
    scenarios=(
        Scenario(
            name="its leaf has failed",
            signals=(
                Signal(series=select(RDMA_TOPOLOGY_INFO, role=COMPUTE), healthy=1),
                Signal(series=FAILED_ONE, healthy=Moment.GONE, faulty=1),
            ),
        ),
    ),
)
