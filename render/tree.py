"""The whole tree in memory: each file's path and text, before anything is written."""

from collections.abc import Iterator
from typing import Any

from alerts import cases, proofs, recording, recording_cases, routes, rules, scrape
from alerts.discovery import stem
from alerts.model import Alert
from dashboards import all_dashboards
from render import grafana, kubernetes, mixin
from render.merge import merged
from render.settings import Settings
from render.texts import as_yaml

MERGE = """\
To merge by hand into route.routes, receivers and inhibit_rules of your Alertmanager configuration:
routes go before your own, last_routes after them. Or let --base-alertmanager FILE do it.
"""


def files(settings: Settings, base_alertmanager: str | None = None) -> dict[str, bytes]:
    """Return every file by its path in the tree.

    `base_alertmanager` is the text of an Alertmanager configuration to merge our routes into;
    SettingsError says why it cannot be.
    """
    alerts = settings.tuned()
    dashboards = all_dashboards(settings.dashboards)
    groups = _groups(settings, alerts)
    proven = as_yaml(proofs.document(alerts, settings.prometheus.intervals))
    made = dict(prometheus(settings, alerts))
    made |= dict(_alertmanager(settings, alerts, base_alertmanager))
    made["bridge/proofs.yaml"] = proven
    made |= {f"grafana/{name}": text for name, text in grafana.files(settings.grafana, dashboards)}
    objects = kubernetes.objects(settings, groups, proven, dashboards)
    made |= {f"kubernetes/{name}": text for name, text in objects}
    wrapped = mixin.files(dashboards, groups[0], groups[1:])
    made |= {f"mixin/{name}": text for name, text in wrapped}
    return {path: made[path].encode() for path in sorted(made)}


def _groups(settings: Settings, alerts: tuple[Alert, ...]) -> list[dict[str, Any]]:
    intervals = settings.prometheus.intervals
    return [
        recording.group(intervals),
        *(rules.group(alert, intervals, settings.runbook_url) for alert in alerts),
    ]


def prometheus(settings: Settings, alerts: tuple[Alert, ...]) -> Iterator[tuple[str, str]]:
    """Yield the files below prometheus/."""
    intervals = settings.prometheus.intervals
    names = ["recording", *(stem(alert.name) for alert in alerts)]
    for name, group in zip(names, _groups(settings, alerts), strict=True):
        yield f"prometheus/rules/{name}.yaml", as_yaml({"groups": [group]})
    yield "prometheus/tests/recording.yaml", as_yaml(recording_cases.document(intervals))
    for alert in alerts:
        tests = cases.document(alert, intervals, settings.runbook_url)
        yield f"prometheus/tests/{stem(alert.name)}.yaml", as_yaml(tests)
    configuration = scrape.configuration(settings.scrape, intervals, settings.kubernetes.namespace)
    yield "prometheus/scrape.yaml", as_yaml(configuration)


def _alertmanager(
    settings: Settings, alerts: tuple[Alert, ...], base: str | None
) -> Iterator[tuple[str, str]]:
    additions = routes.additions(settings.alertmanager, alerts)
    yield "alertmanager/routes.yaml", as_yaml(additions, note=MERGE)
    if base is None:
        yield "alertmanager/alertmanager.yaml", as_yaml(routes.configuration(settings.alertmanager))
    else:
        yield "alertmanager/alertmanager.yaml", merged(base, additions)
