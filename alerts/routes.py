"""Alertmanager: grouping and inhibition by node, people, and a hint to the bridge.

The bridge reads alerts from Alertmanager's API, inhibited ones too; its webhook only tells it to
look now. So its route continues: whoever else wants the alert gets it as well. But where any route
below the root has matched, the root's own receiver is not told any more. So a last route hands on
to it what only the bridge has matched.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from alerts.model import Alert
from alerts.platform.railwatch_watchdog import ALERT as WATCHDOG
from alerts.promql import duration
from catalog import labels
from catalog.verdicts import Verdict

BRIDGE = "railwatch-bridge"
PEOPLE = "railwatch-people"
WATCHDOG_RECEIVER = "railwatch-watchdog"

GROUP_BY = [labels.CLUSTER, labels.NODE, labels.FAULT]
"""One notification a node and fault: hardware has no namespace to group by."""

SAME_DEVICE = [
    labels.CLUSTER,
    labels.DOMAIN,
    labels.LINE,
    labels.NODE,
    labels.UUID,
    labels.GUID,
]
"""Every label that names a place: those that both sides lack count as equal."""

_URL = re.compile(r"https?://[^/\s]+")

_BRIDGED = f'{labels.CONDITION}!=""'
"""Matches what the bridge acts on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RouteSettings:
    """How alerts are routed."""

    bridge_url: str = "http://railwatch-bridge.railwatch:9411/api/v1/webhook"
    """Where Alertmanager tells the bridge to look now."""
    watchdog_url: str = ""
    """Webhook of a dead man's switch; empty: the watchdog goes nowhere."""
    group_wait: timedelta = timedelta(seconds=30)
    """How long people wait for more of the same node and fault."""
    group_interval: timedelta = timedelta(minutes=5)
    """How long people wait for news of a group they know."""
    repeat_interval: timedelta = timedelta(hours=4)
    """How long until people are told again."""
    bridge_wait: timedelta = timedelta(0)
    """How long the bridge waits for the first hint."""
    bridge_interval: timedelta = timedelta(seconds=10)
    """How long the bridge waits for the next hint of a group."""
    people: Mapping[str, Any] = field(default_factory=dict)
    """The receiver for people, in Alertmanager's own words (`slack_configs`, …); empty: nobody."""

    def __post_init__(self) -> None:
        """Refuse what Alertmanager would; ValueError names the key."""
        for name in ("group_interval", "repeat_interval", "bridge_interval"):
            if getattr(self, name) <= timedelta(0):
                raise ValueError(f"{name}: must be more than 0s")
        for name in ("bridge_url", "watchdog_url"):
            if getattr(self, name) and not _URL.match(getattr(self, name)):
                raise ValueError(f"{name}: {getattr(self, name)!r} is not an http or https URL")
        if not self.bridge_url:
            raise ValueError("bridge_url: must not be empty")
        if "name" in self.people:
            raise ValueError(f"people.name: the receiver is called {PEOPLE}; leave it out")


def configuration(settings: RouteSettings) -> dict[str, Any]:
    """Return a complete Alertmanager configuration."""
    return {
        "route": _for_people(settings) | {"routes": [*_own_routes(settings), _handed_on()]},
        "receivers": [_people(settings), *_own_receivers(settings)],
        "inhibit_rules": inhibitions(),
    }


def additions(settings: RouteSettings, alerts: Sequence[Alert]) -> dict[str, Any]:
    """Return the lists to merge into a configuration that is already there.

    `routes` go before its own, `last_routes` after them. Without a receiver for people of ours,
    people are told by the configuration's own routes, or by its root.
    """
    routes, receivers = _own_routes(settings), _own_receivers(settings)
    if settings.people:
        ours = "|".join(alert.name for alert in alerts if alert.name != WATCHDOG.name)
        routes.append({"matchers": [f'alertname=~"{ours}"'], **_for_people(settings)})
        receivers.append(_people(settings))
    return {
        "routes": routes,
        "last_routes": [_handed_on()],
        "receivers": receivers,
        "inhibit_rules": inhibitions(),
    }


def _own_routes(settings: RouteSettings) -> list[dict[str, Any]]:
    return [
        {
            "receiver": BRIDGE,
            "matchers": [_BRIDGED],
            "group_by": GROUP_BY,
            "group_wait": duration(settings.bridge_wait),
            "group_interval": duration(settings.bridge_interval),
            "repeat_interval": duration(settings.repeat_interval),
            "continue": True,
        },
        {
            "receiver": WATCHDOG_RECEIVER,
            "matchers": [f'alertname="{WATCHDOG.name}"'],
            "group_by": [labels.CLUSTER],
            "group_wait": "0s",
            "group_interval": "1m",
            "repeat_interval": "1m",
        },
    ]


def _handed_on() -> dict[str, Any]:
    """Return the last route: without a receiver of its own it has the root's."""
    return {"matchers": [_BRIDGED], "group_by": GROUP_BY}


def _for_people(settings: RouteSettings) -> dict[str, Any]:
    return {
        "receiver": PEOPLE,
        "group_by": GROUP_BY,
        "group_wait": duration(settings.group_wait),
        "group_interval": duration(settings.group_interval),
        "repeat_interval": duration(settings.repeat_interval),
    }


def _own_receivers(settings: RouteSettings) -> list[dict[str, Any]]:
    watchdog: dict[str, Any] = {"name": WATCHDOG_RECEIVER}
    if settings.watchdog_url:
        watchdog["webhook_configs"] = [{"url": settings.watchdog_url, "send_resolved": False}]
    bridge = [{"url": settings.bridge_url, "send_resolved": True}]
    return [{"name": BRIDGE, "webhook_configs": bridge}, watchdog]


def _people(settings: RouteSettings) -> dict[str, Any]:
    return {"name": PEOPLE, **settings.people}


def inhibitions() -> list[dict[str, Any]]:
    """Return rules by which a device's gravest fault silences its lesser ones for people.

    Nothing else inhibits: an exporter that is down takes no fault away that was seen before.
    """
    gravest_first = sorted(Verdict, reverse=True)
    return [
        {
            "source_matchers": [f'{labels.VERDICT}="{verdict.label}"'],
            "target_matchers": [f'{labels.VERDICT}=~"{_any(gravest_first[place + 1 :])}"'],
            "equal": SAME_DEVICE,
        }
        for place, verdict in enumerate(gravest_first[:-1])
    ]


def _any(verdicts: Sequence[Verdict]) -> str:
    return "|".join(verdict.label for verdict in verdicts)
