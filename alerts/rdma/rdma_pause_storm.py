"""This port sends pause frames for so long that it holds up the network: the host is too slow."""

from datetime import timedelta

from alerts.devices import PORT
from alerts.evidence import Risen
from alerts.model import Alert, At, Proof, Rising, Scenario, Signal, Threshold
from alerts.ports import IS_THERE, KEYS, KNOWN, of_port
from alerts.promql import select
from catalog.faults import RDMA_PAUSE_STORM
from catalog.rdma_ethernet import RDMA_PAUSE_SECONDS

SENT = select(RDMA_PAUSE_SECONDS, direction="transmit")
ONE = select(RDMA_PAUSE_SECONDS, priority="3", direction="transmit")

ALERT = Alert(
    name=RDMA_PAUSE_STORM.name,
    fault=RDMA_PAUSE_STORM,
    device=PORT,
    expr=of_port(f"rate({SENT}[5m]) > $share"),
    notices=timedelta(minutes=5),
    hold=timedelta(minutes=5),
    keep_firing_for=timedelta(minutes=5),
    severity="critical",
    summary=f"{PORT.title} holds up the network with pause frames",
    description=(
        f"{PORT.title} held its peer by pause frames for more than $share of the time: the "
        "host does not take what arrives. Look at its PCIe link, its IOMMU and ACS settings, "
        "and at what runs there; take the node out if the rail suffers."
    ),
    why=(
        "The pauses spread through the switches, and slow jobs that have nothing to do with "
        "this node."
    ),
    first_step=(
        "See whether RdmaPcieStalled fires too, and compare lspci LnkSta of the NIC with its peers."
    ),
    thresholds=(
        Threshold(
            name="share",
            default=0.1,
            meaning="Share of time in which the peer was held.",
            source="our own guess: no limit is published",
        ),
    ),
    proof=Proof(
        soak=timedelta(minutes=10),
        subject=KNOWN,
        evidence=(Risen(series=SENT, at_most="$share * 60", keys=KEYS),),
        facilities=("rdma_ethtool/roce",),
    ),
    scenarios=(
        Scenario(
            name="three tenths of the time",
            signals=(
                *IS_THERE,
                Signal(
                    series=ONE,
                    healthy=0,
                    below=Rising(rate=At(threshold="share", times=0.5)),
                    faulty=Rising(rate=At(threshold="share", times=3)),
                    recovered=0,
                ),
            ),
        ),
    ),
)
