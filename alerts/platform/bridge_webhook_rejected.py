"""Somebody calls the bridge's webhook without the right token."""

from datetime import timedelta

from alerts.devices import BRIDGE
from alerts.model import Alert, Rising, Scenario, Signal
from alerts.promql import select
from catalog.bridge import WEBHOOKS
from catalog.labels import CLUSTER

REJECTED = select(WEBHOOKS, result=("unauthorized", "forbidden"))
ONE = select(WEBHOOKS, result="forbidden")

ALERT = Alert(
    name="BridgeWebhookRejected",
    device=BRIDGE,
    needs_fleet=True,
    expr=f"sum by ({CLUSTER}) (increase({REJECTED}[15m])) > 0",
    notices=timedelta(minutes=2),
    keep_firing_for=timedelta(minutes=10),
    severity="warning",
    summary="The bridge's webhook is called without the right token",
    description=(
        "Requests to the bridge's webhook brought no token, or a wrong one. Mostly Alertmanager "
        "was not told of it, or it was changed on one side: compare bridge_token_file with "
        "--webhook.bearer-token-file."
    ),
    why="The bridge sees new faults an interval later; nothing is lost.",
    first_step="Look at alertmanager_notifications_failed_total for the receiver railwatch-bridge.",
    scenarios=(
        Scenario(
            name="the token was changed",
            signals=(Signal(series=ONE, healthy=0, faulty=Rising()),),
        ),
    ),
)
