"""Ports of one rail are down on many nodes at once."""

from datetime import timedelta

from alerts.devices import DOMAIN as LEAF
from alerts.devices import Device, shown
from alerts.model import Alert, Scenario, Signal, Threshold
from alerts.ports import ACTIVE, KEYS, STATE
from alerts.promql import SOME, by, latest, select
from catalog.labels import NODE
from catalog.topology import COMPUTE, RDMA_TOPOLOGY_INFO

RAIL = Device(
    identity="",
    keys=(),
    labels=("rail",),
    title=f"Rail {shown('rail')}",
    samples=({"rail": "1"}, {"rail": "2"}),
    members=LEAF.members,
)

PLACED = f"max by ({by(*KEYS, 'rail')}) ({select(RDMA_TOPOLOGY_INFO, rail=SOME)})"
PORTS = f"{PLACED} * on ({by(*KEYS)}) group_left () {latest(STATE, *KEYS)}"

ALERT = Alert(
    name="FabricRailDown",
    device=RAIL,
    needs_fleet=True,
    expr=f"""
        avg by ({by("rail")}) ({PORTS} == bool {ACTIVE}) <= $share
        and
        count by ({by("rail")}) (count by ({by("rail", NODE)}) ({PORTS} != {ACTIVE})) >= $nodes
        """,
    hold=timedelta(minutes=1),
    severity="critical",
    summary=f"{RAIL.title} has failed on many nodes",
    description=(
        f"{RAIL.title}: at most $share of its ports are active, and those of $nodes or more nodes "
        "are not. Look at the switches of this rail, and at what was changed on them."
    ),
    why="Every job that uses all rails hangs, wherever it runs.",
    first_step="See which leaves the ports hang on, on the RDMA dashboard; look at those switches.",
    thresholds=(
        Threshold(
            name="share",
            default=0.5,
            meaning="Share of the rail's ports that are active.",
            source="our own guess, as for a leaf",
        ),
        Threshold(
            name="nodes",
            default=3,
            meaning="Nodes with a port of the rail down.",
            source="our own guess, as for a leaf",
        ),
    ),
    scenarios=(
        Scenario(
            name="all its ports go down",
            signals=(
                Signal(series=select(RDMA_TOPOLOGY_INFO, role=COMPUTE), healthy=1),
                Signal(series=STATE, healthy=ACTIVE, below=ACTIVE, faulty=1),
            ),
        ),
    ),
)
