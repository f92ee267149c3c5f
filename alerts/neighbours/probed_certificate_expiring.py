"""The certificate of something that blackbox_exporter probes is about to end."""

from datetime import timedelta

from alerts.devices import shown
from alerts.model import Alert, At, Scenario, Signal, Threshold
from alerts.neighbouring import of_instance
from alerts.promql import Series
from catalog.labels import CLUSTER, INSTANCE
from catalog.neighbours_nodes import PROBED_CERTIFICATE_END

END = Series(PROBED_CERTIFICATE_END.name)
DEVICE = of_instance(shown(INSTANCE), "blackbox")

ALERT = Alert(
    name="ProbedCertificateExpiring",
    device=DEVICE,
    needs_fleet=True,
    expr=f"min by ({CLUSTER}, {INSTANCE}) ({END}) - time() < $days * 86400",
    hold=timedelta(minutes=30),
    severity="warning",
    summary=f"The certificate of {DEVICE.title} is about to end",
    description=(
        f"The certificate that {DEVICE.title} shows ends within $days days. Renew it; where "
        "cert-manager should have, look at its Certificate's events."
    ),
    why="Registry, storage or line end points that everything pulls through stop all at once.",
    first_step="Look at who issues it: openssl s_client -connect HOST:PORT.",
    thresholds=(
        Threshold(
            name="days",
            default=14,
            meaning="Days that it is valid yet.",
            source="cert-manager renews with a third of the life left: 30 days of 90",
        ),
    ),
    scenarios=(
        Scenario(
            name="it was not renewed",
            signals=(
                Signal(
                    series=END,
                    healthy=At(threshold="days", times=400000),
                    below=At(threshold="days", times=86400, plus=864000),
                    faulty=At(threshold="days", times=43200),
                ),
            ),
        ),
    ),
)
