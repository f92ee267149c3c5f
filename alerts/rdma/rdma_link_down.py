"""An RDMA port that should carry traffic is not active."""

from datetime import timedelta

from alerts.devices import PORT
from alerts.evidence import held
from alerts.model import Alert, Proof, Scenario, Signal
from alerts.promql import SOME, Series, by, latest, select
from catalog.faults import RDMA_PORT_DOWN
from catalog.labels import NODE
from catalog.rdma import RDMA_PORT_EXPECTED, RDMA_PORT_INFO, RDMA_PORT_STATE

ACTIVE = 4
"""IBTA PortState: 1 Down, 2 Initialize, 3 Armed, 4 Active, 5 ActiveDefer."""

KEYS = (NODE, *PORT.keys)
INFO = Series(RDMA_PORT_INFO.name)
STATE = Series(RDMA_PORT_STATE.name)

ALERT = Alert(
    name=RDMA_PORT_DOWN.name,
    fault=RDMA_PORT_DOWN,
    device=PORT,
    expr=f"""
        max by ({by(*PORT.labels)}) (
            {INFO} * on ({by(*KEYS)}) group_left () {latest(STATE, *KEYS)} != {ACTIVE}
          and on ({by(*KEYS)})
            {RDMA_PORT_EXPECTED.name} == 1
        )
        """,
    hold=timedelta(minutes=1),
    severity="critical",
    summary=f"{PORT.title} is down",
    description=(
        f"{PORT.title} was active and is not any more. Look at the switch's side of the link: a "
        "port down there as well points to cable or transceiver, otherwise to the adapter."
    ),
    why="Jobs that use the rail hang until their collectives time out, and cannot start again.",
    first_step="Compare the port's physical state (ibstat, or ip link for RoCE) with the switch's.",
    proof=Proof(
        soak=timedelta(minutes=5),
        subject=held(select(RDMA_PORT_INFO, guid=SOME), 1),
        evidence=(held(STATE, ACTIVE),),
        facilities=("rdma/port", "rdma/inventory"),
    ),
    scenarios=(
        Scenario(
            name="the port goes down",
            signals=(
                Signal(series=INFO, healthy=1),
                Signal(series=STATE, healthy=ACTIVE, below=1, faulty=1),
                Signal(series=select(RDMA_PORT_EXPECTED, source="learned"), healthy=1, below=0),
            ),
        ),
    ),
)
