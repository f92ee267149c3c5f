"""The dead man's switch: an alert that always fires, so that its absence is the alarm."""

from alerts.devices import NODE
from alerts.model import Alert

ALERT = Alert(
    name="RailwatchWatchdog",
    device=NODE,
    expr="vector(1)",
    severity="info",
    summary="Rules are evaluated and alerts arrive",
    description=(
        "This alert always fires. Point the receiver railwatch-watchdog at a dead man's switch "
        "that raises the alarm when it no longer hears from it."
    ),
    why="While Prometheus or Alertmanager is down, no fault is noticed and every alert resolves.",
    first_step="None while it fires. When it stops: look at Prometheus, then at Alertmanager.",
)
