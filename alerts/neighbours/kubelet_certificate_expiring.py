"""A kubelet's certificate is about to end."""

from datetime import timedelta

from alerts.devices import shown
from alerts.model import Alert, At, Scenario, Signal, Threshold
from alerts.neighbouring import KUBELET, of_node
from alerts.promql import Series
from catalog.labels import CLUSTER, NODE
from catalog.neighbours_nodes import CLIENT_CERTIFICATE_LEFT, SERVER_CERTIFICATE_LEFT

CLIENT, SERVER = Series(CLIENT_CERTIFICATE_LEFT.name), Series(SERVER_CERTIFICATE_LEFT.name)
DEVICE = of_node(f"The kubelet of {shown(NODE)}", KUBELET)


def _left(series: Series) -> Signal:
    return Signal(
        series=series,
        healthy=At(threshold="hours", times=36000),
        below=At(threshold="hours", times=3600),
        faulty=At(threshold="hours", times=1800),
    )


ALERT = Alert(
    name="KubeletCertificateExpiring",
    device=DEVICE,
    expr=f"""
        min by ({CLUSTER}, {NODE}) ({CLIENT}) < $hours * 3600
        or
        min by ({CLUSTER}, {NODE}) ({SERVER}) < $hours * 3600
        """,
    hold=timedelta(minutes=5),
    severity="critical",
    summary=f"A certificate of {DEVICE.title} ends within hours",
    description=(
        f"A certificate of {DEVICE.title} ends in less than $hours h; it should have been renewed "
        "long ago. Approve its CertificateSigningRequest, or drain the node in time."
    ),
    why="The node goes NotReady when it ends, with every job on it.",
    first_step="Run kubectl get csr and approve what the node has asked for.",
    thresholds=(
        Threshold(
            name="hours",
            default=2,
            meaning="Hours that it is valid yet.",
            source="a kubelet renews with a tenth to three tenths left: 2.4 h of a day's "
            "certificate, and no cluster signs shorter ones",
        ),
    ),
    scenarios=(
        Scenario(name="its client certificate", signals=(_left(CLIENT),)),
        Scenario(name="its serving certificate", signals=(_left(SERVER),)),
    ),
)
