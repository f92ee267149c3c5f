"""An RDMA port that should be there is not there at all: its device is gone."""

from datetime import timedelta

from alerts.devices import PORT
from alerts.model import Alert, Moment, Proof, Scenario, Signal
from alerts.ports import ACTIVE, INFO, IS_ACTIVE, KEYS, KNOWN, STATE
from alerts.promql import Series, by, select
from catalog.faults import RDMA_DEVICE_MISSING
from catalog.labels import NODE, OBSERVED
from catalog.rdma import RDMA_PORT_EXPECTED

EXPECTED = Series(RDMA_PORT_EXPECTED.name)
OBSERVES = Series(OBSERVED, ('family="rdma"', 'facility="port"'))

ALERT = Alert(
    name=RDMA_DEVICE_MISSING.name,
    fault=RDMA_DEVICE_MISSING,
    device=PORT,
    expr=f"""
        max by ({by(*PORT.labels)}) (
          max_over_time({INFO}[1d])
            and on ({by(*KEYS)}) {EXPECTED} == 1
            and on ({by(NODE)}) {OBSERVES} == 1
            unless on ({by(*KEYS)}) {STATE}
        )
        """,
    hold=timedelta(minutes=5),
    reads=("rdma/port",),
    severity="critical",
    summary=f"{PORT.title} is gone",
    description=(
        f"{PORT.title} was there and is not any more, while it should be, and it was not moved "
        "into a pod. Look whether its PCI device is there and its driver bound; reboot the node, "
        "and reseat or replace the card if it stays away."
    ),
    why="Jobs that use the rail cannot start here, or run over the remaining rails.",
    first_step="Look for the card with lspci, and for mlx5_core or AER in the kernel log.",
    proof=Proof(
        soak=timedelta(minutes=5),
        subject=KNOWN,
        evidence=(IS_ACTIVE,),
        facilities=("rdma/port", "rdma/inventory"),
    ),
    scenarios=(
        Scenario(
            name="the card vanishes",
            signals=(
                Signal(series=INFO, healthy=1, below=1, faulty=Moment.GONE),
                Signal(series=STATE, healthy=ACTIVE, below=1, faulty=Moment.GONE),
                Signal(series=select(RDMA_PORT_EXPECTED, source="learned"), healthy=1),
            ),
        ),
    ),
)
