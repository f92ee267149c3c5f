"""Alertmanager: grouping and inhibition by node, people, and a hint to the bridge.

The bridge reads alerts from Alertmanager's API, inhibited ones too; its webhook only tells it to
look now. So its route continues: whoever else wants the alert gets it as well. But where any route
below the root has matched, the root's own receiver is not told any more. So a last route hands on
to it what only the bridge, or the pager, has matched.

People are told by who is concerned: the pager of what is critical, a team of what happens in its
namespaces, a cluster's own people of that cluster, and a quiet place of what needs nobody now.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from alerts import inhibitions
from alerts.model import Alert
from alerts.platform.railwatch_watchdog import ALERT as WATCHDOG
from alerts.promql import duration
from alerts.rdma.rdma_port_behind_fault import ALERT as BEHIND_FAULT
from catalog import labels
from catalog.verdicts import Verdict

BRIDGE = "railwatch-bridge"
BRIDGE_URL = "http://railwatch-bridge.{namespace}:9411/api/v1/webhook"
"""Where the Service of the bridge is, as the manifests have it, by railwatch's namespace."""
PEOPLE = "railwatch-people"
PAGES = "railwatch-pages"
QUIET = "railwatch-quiet"
NOBODY = "devnull"
"""A name by which linters know that nobody is meant to be told."""
WATCHDOG_RECEIVER = "railwatch-watchdog"
TEAM, OF_CLUSTER = "railwatch-team-", "railwatch-cluster-"
"""Begin the names of the receivers of teams and clusters."""

GROUP_BY = [labels.CLUSTER, labels.NODE, "alertname"]
"""One notification a node and fault: hardware has no namespace to group by.

By the alert's name, as those that are for people have no `fault`: all without a node would be one
group, and the news of a bridge that is down would wait for that of a queue.
"""

_URL = re.compile(r"https?://[^/\s]+")

_NAME = re.compile(r"[A-Za-z0-9._-]+")

_BRIDGED = f'{labels.CONDITION}!=""'
"""Matches what the bridge acts on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RouteSettings:
    """How alerts are routed."""

    bridge_url: str = BRIDGE_URL.format(namespace="railwatch")
    """Where Alertmanager tells the bridge to look now; unless set, in railwatch's namespace."""
    watchdog_url: str = ""
    """Webhook of a dead man's switch; empty: the watchdog goes nowhere."""
    group_wait: timedelta = timedelta(seconds=30)
    """How long people wait for more of the same node and alert."""
    group_interval: timedelta = timedelta(minutes=5)
    """How long people wait for news of a group they know."""
    repeat_interval: timedelta = timedelta(hours=4)
    """How long until people are told again."""
    bridge_wait: timedelta = timedelta(0)
    """How long the bridge waits for the first hint."""
    bridge_interval: timedelta = timedelta(seconds=10)
    """How long the bridge waits for the next hint of a group."""
    bridge_token_file: str = ""
    """File, as Alertmanager sees it, with the bearer token of the bridge's webhook."""
    bridge_token_secret: str = ""
    """The same for the AlertmanagerConfig: a Secret in its namespace, and the key, as NAME/KEY."""
    people: Mapping[str, Any] = field(default_factory=dict)
    """The receiver for people, in Alertmanager's own words (`slack_configs`, …); empty: nobody."""
    pages: Mapping[str, Any] = field(default_factory=dict)
    """The receiver of what is critical, besides those who are told anyway; empty: no pager."""
    quiet: Mapping[str, Any] = field(default_factory=dict)
    """The receiver of what needs nobody now (info, or verdict observe); empty: as all else."""
    teams: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """The receiver of each team, of what happens in the namespaces that `[teams]` gives it."""
    clusters: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """The receiver of each cluster that has people of its own, by the value of label cluster."""

    def __post_init__(self) -> None:
        """Refuse what Alertmanager would; ValueError names the key."""
        for name in ("group_interval", "repeat_interval", "bridge_interval"):
            if getattr(self, name) <= timedelta(0):
                raise ValueError(f"{name}: must be more than 0s")
        self._check_bridge()
        self._check_receivers()
        for name in (*self.teams, *self.clusters):
            if not _NAME.fullmatch(name):
                raise ValueError(f"{name!r}: a team or cluster is letters, digits, '.', '_', '-'")

    def _check_bridge(self) -> None:
        for name in ("bridge_url", "watchdog_url"):
            if getattr(self, name) and not _URL.match(getattr(self, name)):
                raise ValueError(f"{name}: {getattr(self, name)!r} is not an http or https URL")
        if not self.bridge_url:
            raise ValueError("bridge_url: must not be empty")
        if self.bridge_token_secret.count("/") != bool(self.bridge_token_secret):
            raise ValueError("bridge_token_secret: must be the Secret's name and key, as NAME/KEY")

    def _check_receivers(self) -> None:
        for key, receiver in self._receivers():
            if "name" in receiver:
                raise ValueError(f"{key}.name: the receiver is called by us; leave it out")
            for kind, told in receiver.items():
                if not kind.endswith("_configs") or not isinstance(told, list):
                    raise ValueError(f"{key}.{kind}: expected a list of one kind: slack_configs, …")

    def _receivers(self) -> Iterator[tuple[str, Mapping[str, Any]]]:
        for key in ("people", "pages", "quiet"):
            yield key, getattr(self, key)
        for key in ("teams", "clusters"):
            yield from ((f"{key}.{name}", each) for name, each in getattr(self, key).items())


Teams = Mapping[str, str]
"""Namespace → team. A namespace's name has nothing that a regular expression could mistake."""


def configuration(settings: RouteSettings, teams: Teams | None = None) -> dict[str, Any]:
    """Return a complete Alertmanager configuration."""
    routes = [*_own_routes(settings), *_concerned(settings, teams or {}), *_handed_on(settings, [])]
    return {
        "route": _for_people(settings) | {"routes": routes},
        "receivers": [
            _people(settings),
            *_own_receivers(settings),
            *_concerned_receivers(settings, teams or {}),
        ],
        "inhibit_rules": inhibitions.rules(),
    }


def additions(
    settings: RouteSettings, alerts: Sequence[Alert], teams: Teams | None = None
) -> dict[str, Any]:
    """Return the lists to merge into a configuration that is already there.

    `routes` go before its own, `last_routes` after them. Without a receiver for people of ours,
    people are told by the configuration's own routes, or by its root.
    """
    ours = [_ours(alerts)]
    routes = [*_own_routes(settings), *_concerned(settings, teams or {}, ours)]
    receivers = [*_own_receivers(settings), *_concerned_receivers(settings, teams or {})]
    if settings.people:
        routes.append({"matchers": ours, **_for_people(settings)})
        receivers.append(_people(settings))
    return {
        "routes": routes,
        "last_routes": _handed_on(settings, ours),
        "receivers": receivers,
        "inhibit_rules": inhibitions.rules(),
    }


def _ours(alerts: Sequence[Alert]) -> str:
    """Match our own alerts, but for the one that always fires."""
    return f'alertname=~"{"|".join(alert.name for alert in alerts if alert.name != WATCHDOG.name)}"'


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
        {"receiver": NOBODY, "matchers": [f'alertname="{BEHIND_FAULT.name}"']},
    ]


def _concerned(
    settings: RouteSettings, teams: Teams, ours: Sequence[str] = ()
) -> Iterator[dict[str, Any]]:
    """Yield the routes to those whom an alert concerns; `ours` keeps them to our own alerts."""
    timing = _for_people(settings) | {"group_by": GROUP_BY}
    if settings.pages:
        critical = [*ours, f'{labels.SEVERITY}="critical"']
        yield timing | {"receiver": PAGES, "matchers": critical, "continue": True}
    for team in _told(settings, teams):
        theirs = "|".join(each for each in sorted(teams) if teams[each] == team)
        where = [*ours, f'{labels.NAMESPACE}=~"{theirs}"']
        yield timing | {"receiver": f"{TEAM}{team}", "matchers": where}
    for cluster in sorted(settings.clusters):
        where = [*ours, f'{labels.CLUSTER}="{cluster}"']
        yield timing | {"receiver": f"{OF_CLUSTER}{cluster}", "matchers": where}
    if settings.quiet:
        observed = f'{labels.VERDICT}="{Verdict.OBSERVE.label}"'
        for harmless in (
            [f'{labels.SEVERITY}="info"'],
            [observed, f'{labels.SEVERITY}!="critical"'],
        ):
            yield timing | {"receiver": QUIET, "matchers": [*ours, *harmless]}


def _told(settings: RouteSettings, teams: Teams) -> list[str]:
    """Return the teams that have a receiver and a namespace."""
    return sorted(set(settings.teams) & set(teams.values()))


def _handed_on(settings: RouteSettings, ours: Sequence[str]) -> list[dict[str, Any]]:
    """Return the last routes: without a receiver of their own they have the root's."""
    routes: list[dict[str, Any]] = [{"matchers": [_BRIDGED], "group_by": GROUP_BY}]
    if settings.pages:
        critical = [*ours, f'{labels.SEVERITY}="critical"']
        routes.append({"matchers": critical, "group_by": GROUP_BY})
    return routes


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
    bridge: dict[str, Any] = {"url": settings.bridge_url, "send_resolved": True}
    if settings.bridge_token_file:
        token = {"type": "Bearer", "credentials_file": settings.bridge_token_file}
        bridge["http_config"] = {"authorization": token}
    return [{"name": BRIDGE, "webhook_configs": [bridge]}, watchdog, {"name": NOBODY}]


def _concerned_receivers(settings: RouteSettings, teams: Teams) -> Iterator[dict[str, Any]]:
    if settings.pages:
        yield {"name": PAGES, **settings.pages}
    for team in _told(settings, teams):
        yield {"name": f"{TEAM}{team}", **settings.teams[team]}
    for cluster, receiver in sorted(settings.clusters.items()):
        yield {"name": f"{OF_CLUSTER}{cluster}", **receiver}
    if settings.quiet:
        yield {"name": QUIET, **settings.quiet}


def _people(settings: RouteSettings) -> dict[str, Any]:
    return {"name": PEOPLE, **settings.people}
