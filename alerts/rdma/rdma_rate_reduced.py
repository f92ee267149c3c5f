"""An active link runs at a lower rate than it has run at before, or is declared to."""

from datetime import timedelta

from alerts.devices import PORT
from alerts.evidence import Full
from alerts.model import Alert, Proof, Scenario, Signal
from alerts.ports import ACTIVE, IS_ACTIVE, IS_THERE, KEYS, KNOWN, STATE, of_port
from alerts.promql import Series, by, latest, select
from catalog.faults import RDMA_RATE_REDUCED
from catalog.rdma import RDMA_PORT_EXPECTED_RATE, RDMA_PORT_RATE

RATE, EXPECTED = Series(RDMA_PORT_RATE.name), Series(RDMA_PORT_EXPECTED_RATE.name)

ALERT = Alert(
    name=RDMA_RATE_REDUCED.name,
    fault=RDMA_RATE_REDUCED,
    device=PORT,
    expr=of_port(
        f"{RATE} < on ({by(*KEYS)}) group_left () {latest(EXPECTED, *KEYS)}"
        f" and on ({by(*KEYS)}) {STATE} == {ACTIVE}"
    ),
    hold=timedelta(minutes=5),
    severity="warning",
    summary=f"{PORT.title} runs at a reduced rate",
    description=(
        f"{PORT.title} is up, and runs at a lower rate than it should: lanes are lost, or the "
        "link was trained at a lower speed. Reseat or replace cable and transceiver, and see that "
        "the switch port's speed is not set by hand."
    ),
    why="Each collective over this rail takes as long as its slowest link.",
    first_step="Compare railwatch_rdma_port_lanes with the port's peers: lanes, or speed?",
    proof=Proof(
        soak=timedelta(minutes=10),
        subject=KNOWN,
        evidence=(Full(series=RATE, limit=EXPECTED, keys=KEYS), IS_ACTIVE),
        facilities=("rdma/port", "rdma/inventory"),
    ),
    scenarios=(
        Scenario(
            name="a quarter of the rate",
            signals=(
                *IS_THERE,
                Signal(series=RATE, healthy=50e9, below=50e9, faulty=12.5e9),
                Signal(series=select(RDMA_PORT_EXPECTED_RATE, source="learned"), healthy=50e9),
            ),
        ),
    ),
)
