"""Ports of many nodes behind one leaf are down at once: it is the switch, not the nodes."""

from datetime import timedelta

from alerts.devices import DOMAIN as LEAF
from alerts.evidence import Held
from alerts.model import Alert, Proof, Scenario, Signal, Threshold
from alerts.ports import ACTIVE, INFO, STATE
from alerts.promql import Series, select
from catalog.compared import DOMAIN_ACTIVE, DOMAIN_NODES_DOWN
from catalog.faults import FABRIC_LEAF_DOWN
from catalog.topology import COMPUTE, RDMA_TOPOLOGY_INFO

ACTIVE_SHARE, NODES_DOWN = Series(DOMAIN_ACTIVE), Series(DOMAIN_NODES_DOWN)

ALERT = Alert(
    name=FABRIC_LEAF_DOWN.name,
    fault=FABRIC_LEAF_DOWN,
    device=LEAF,
    needs_fleet=True,
    reads=("rdma/port",),
    expr=f"{ACTIVE_SHARE} <= $share and {NODES_DOWN} >= $nodes",
    hold=timedelta(minutes=1),
    keep_firing_for=timedelta(minutes=5),
    severity="critical",
    summary=f"{LEAF.title} has failed",
    description=(
        f"{LEAF.title}: of the ports behind this leaf at most $share are active, and those of "
        "$nodes or more nodes are not. Look at the switch: its power, its uplinks, a change that "
        "was just made. The nodes themselves need nothing."
    ),
    why="Every job that has a rail through this switch hangs; moving one node away helps nobody.",
    first_step="Log in to the switch, or look at its power and at its management port.",
    thresholds=(
        Threshold(
            name="share",
            default=0.5,
            meaning="Share of the leaf's ports that are active.",
            source="the bridge's own default for nodes that fail together (--domain.share)",
        ),
        Threshold(
            name="nodes",
            default=3,
            meaning="Nodes with a port down.",
            source="the bridge's own least number of nodes of a domain's fault",
        ),
    ),
    proof=Proof(
        soak=timedelta(minutes=5),
        subject=Held(series=ACTIVE_SHARE, at_least=0.9, recorded=True),
        facilities=("rdma/port", "topology/places"),
    ),
    scenarios=(
        Scenario(
            name="all ports behind it go down",
            signals=(
                Signal(series=INFO, healthy=1),
                Signal(series=select(RDMA_TOPOLOGY_INFO, role=COMPUTE), healthy=1),
                Signal(series=STATE, healthy=ACTIVE, below=ACTIVE, faulty=1),
            ),
        ),
    ),
)
