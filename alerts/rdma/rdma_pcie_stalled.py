"""The NIC cannot reach memory over PCIe fast enough."""

from datetime import timedelta

from alerts.devices import PORT
from alerts.evidence import Risen
from alerts.model import Alert, At, Proof, Rising, Scenario, Signal, Threshold
from alerts.ports import IS_THERE, KEYS, KNOWN, of_port
from alerts.promql import Series, select
from catalog.faults import RDMA_PCIE_STALLED
from catalog.rdma_ethernet import RDMA_PCIE_STALLED_SECONDS

STALLED = Series(RDMA_PCIE_STALLED_SECONDS.name)
ONE = select(RDMA_PCIE_STALLED_SECONDS, direction="write")

ALERT = Alert(
    name=RDMA_PCIE_STALLED.name,
    fault=RDMA_PCIE_STALLED,
    device=PORT,
    expr=of_port(f"rate({STALLED}[5m]) > $share"),
    notices=timedelta(minutes=5),
    hold=timedelta(minutes=10),
    keep_firing_for=timedelta(minutes=5),
    severity="warning",
    summary=f"{PORT.title} is stalled on PCIe",
    description=(
        f"{PORT.title} was stalled on PCIe in more than $share of the seconds. Check the "
        "width and generation of its link and of the switch above, ACS and IOMMU (GPUDirect "
        "wants ACS off), and MaxReadReq; reseat the card if its link is narrowed."
    ),
    why="The NIC answers with pauses or drops, and slows down all who send to it.",
    first_step="Run lspci -vv on the NIC and its upstream ports: LnkSta, MaxReadReq, ACSCtl.",
    thresholds=(
        Threshold(
            name="share",
            default=0.1,
            meaning="Share of the seconds in which it was stalled for more than 30 %.",
            source=(
                "our own guess; what counts as a stalled second is the mlx5 driver documentation"
            ),
        ),
    ),
    proof=Proof(
        soak=timedelta(minutes=15),
        subject=KNOWN,
        evidence=(Risen(series=STALLED, at_most="$share * 300", keys=KEYS),),
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
