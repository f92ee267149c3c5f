"""Somebody talks to the kube-apiserver with a certificate that is about to end."""

from datetime import timedelta

from alerts.model import Alert, Rising, Scenario, Signal, Threshold
from alerts.neighbouring import WINDOW, rate, whole
from alerts.promql import Series
from catalog.neighbours_nodes import CLIENT_CERTIFICATES

BUCKETS = Series(f"{CLIENT_CERTIFICATES.name}_bucket")
DEVICE = whole("The cluster", "apiserver")
BOUNDS = ("21600", "86400", "604800", "2592000", "+Inf")


def _bucket(bound: str, *, ending: bool) -> Signal:
    """Return a bucket: without the fault, all requests lie in the last two."""
    rises = Rising(rate=1.0)
    well = rises if bound in BOUNDS[3:] else 0
    return Signal(
        series=Series(BUCKETS.metric, (f'le="{bound}"',)),
        healthy=well,
        below=rises if bound in BOUNDS[2:] else 0,
        faulty=rises if ending else well,
    )


ALERT = Alert(
    name="ClientCertificateExpiring",
    device=DEVICE,
    needs_fleet=True,
    expr=f"""
        histogram_quantile(0.01, {rate(BUCKETS, "le")}) < $days * 86400
        """,
    notices=WINDOW,
    hold=timedelta(minutes=15),
    severity="warning",
    summary="A client certificate of the kube-apiserver is about to end",
    description=(
        "One in a hundred requests to the kube-apiserver comes with a client certificate that "
        "ends within $days days. The audit log names the user; controllers, kubelets and people's "
        "kubeconfigs are renewed in different ways."
    ),
    why="Whoever it is cannot speak to the cluster when it ends; it may be a controller.",
    first_step="Run kubeadm certs check-expiration on a control plane node.",
    thresholds=(
        Threshold(
            name="days",
            default=1,
            meaning="Days that it is valid yet.",
            source="kubernetes-mixin's critical KubeClientCertificateExpiration",
        ),
    ),
    scenarios=(
        Scenario(
            name="all that is asked comes with an old certificate",
            signals=tuple(_bucket(bound, ending=True) for bound in BOUNDS),
        ),
    ),
)
