"""No probe along the line is answered: the other site cannot be reached."""

from datetime import timedelta

from alerts.devices import LINE
from alerts.evidence import Held
from alerts.model import Alert, Proof, Scenario, Signal, Threshold
from alerts.promql import Series, by
from catalog.compared import LINE_ANSWERING
from catalog.faults import UPLINK_DOWN
from catalog.labels import LINE as LABEL
from catalog.uplink_probes import PROBE_SUCCESS

ANSWERED = Series(LINE_ANSWERING)
PROBES = Series(PROBE_SUCCESS.name)

ALERT = Alert(
    name=UPLINK_DOWN.name,
    fault=UPLINK_DOWN,
    device=LINE,
    needs_fleet=True,
    reads=("uplink/tcp_probes",),
    expr=f"{ANSWERED} == 0 and on ({by(LABEL)}) count by ({by(LABEL)}) ({PROBES}) >= $probes",
    hold=timedelta(minutes=2),
    severity="critical",
    summary=f"{LINE.title} is down",
    description=(
        f"{LINE.title}: none of its probes is answered, from any node to any peer. Fail over to "
        "the other line if there is one; look at the router here, then call the carrier. No new "
        "work is sent to the nodes behind it."
    ),
    why="Nodes behind the line get no data, and their checkpoints do not come back.",
    first_step=(
        "Ping the router at this end, then its peer; look at the interface (UplinkInterfaceDown)."
    ),
    thresholds=(
        Threshold(
            name="probes",
            default=2,
            meaning=(
                "Probes (node and peer) that there must be, so that one peer that reboots is no "
                "outage."
            ),
            source="our own guess",
        ),
    ),
    proof=Proof(
        soak=timedelta(minutes=10),
        subject=Held(series=ANSWERED, at_least=0.5, recorded=True),
        facilities=("uplink/tcp_probes",),
    ),
    scenarios=(
        Scenario(
            name="no peer answers",
            signals=(Signal(series=PROBES, healthy=1, below=1, faulty=0),),
        ),
    ),
)
