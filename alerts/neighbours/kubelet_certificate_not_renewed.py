"""A kubelet fails to renew a certificate of its own."""

from datetime import timedelta

from alerts.devices import shown
from alerts.model import Alert, At, Rising, Scenario, Signal, Threshold
from alerts.neighbouring import KUBELET, increase, of_node
from alerts.promql import Series
from catalog.labels import NODE
from catalog.neighbours_nodes import CLIENT_RENEWAL_ERRORS, SERVER_RENEWAL_ERRORS

HOUR = timedelta(hours=1)
CLIENT, SERVER = Series(CLIENT_RENEWAL_ERRORS.name), Series(SERVER_RENEWAL_ERRORS.name)
DEVICE = of_node(f"The kubelet of {shown(NODE)}", KUBELET)


def _scenario(name: str, series: Series) -> Scenario:
    """Return failures of one of the two, a few an hour as the kubelet backs off."""
    below = Rising(rate=At(threshold="errors", times=0.7 / 3600))
    faulty = Rising(rate=At(threshold="errors", times=3 / 3600))
    return Scenario(
        name=name, signals=(Signal(series=series, healthy=0, below=below, faulty=faulty),)
    )


ALERT = Alert(
    name="KubeletCertificateNotRenewed",
    device=DEVICE,
    expr=f"""
        {increase(CLIENT, NODE, over=HOUR)} >= $errors
        or
        {increase(SERVER, NODE, over=HOUR)} >= $errors
        """,
    notices=HOUR,
    severity="warning",
    summary=f"{DEVICE.title} cannot renew its certificate",
    description=(
        f"{DEVICE.title} failed $errors times or more within an hour to renew a certificate. Look "
        "for its CertificateSigningRequest: pending for want of an approver, or denied. When the "
        "certificate ends the node goes NotReady."
    ),
    why="The node is lost when the certificate ends, with every job on it.",
    first_step="Run kubectl get csr and look for requests of the node.",
    thresholds=(
        Threshold(
            name="errors",
            default=2,
            meaning="Failures within an hour.",
            source="our own guess: the first comes with a restart of the control plane",
        ),
    ),
    scenarios=(
        _scenario("nobody signs its client certificate", CLIENT),
        _scenario("nobody approves its serving certificate", SERVER),
    ),
)
