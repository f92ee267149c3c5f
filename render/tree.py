"""The whole tree in memory: each file's path and text, before anything is written."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from alerts import (
    cases,
    clusters,
    comparisons,
    proofs,
    recorded,
    recording,
    recording_cases,
    routes,
    rules,
    scrape,
)
from alerts.discovery import GLOBAL, SHARD, stem, view
from alerts.model import Alert
from alerts.recorded import cases as recorded_cases
from dashboards import all_dashboards
from render import grafana, jobs, kubernetes, mixin
from render.merge import merged
from render.settings import Settings
from render.texts import as_yaml

PINT = Path(__file__).with_name("pint.hcl")
"""What pint is to leave alone in our rules, and why."""

MERGE = """\
To merge by hand into route.routes, receivers and inhibit_rules of your Alertmanager configuration:
routes go before your own, last_routes after them. Or let --base-alertmanager FILE do it.
"""


def files(settings: Settings, base_alertmanager: str | None = None) -> dict[str, bytes]:
    """Return every file by its path in the tree.

    `base_alertmanager` is the text of an Alertmanager configuration to merge our routes into;
    SettingsError says why it cannot be.
    """
    alerts, cluster_label = settings.tuned(), settings.dashboards.cluster_label
    dashboards = all_dashboards(settings.dashboards)
    recordings, judgements = _recordings(settings), _judgements(settings, alerts)
    proven = as_yaml(proofs.document(alerts, settings.prometheus.intervals, cluster_label))
    made = dict(prometheus(settings, alerts))
    made |= dict(_alertmanager(settings, alerts, base_alertmanager))
    made["bridge/proofs.yaml"] = proven
    made |= {f"grafana/{name}": text for name, text in grafana.files(settings, dashboards)}
    made |= {f"grafana/{name}": text for name, text in grafana.alerting(settings, judgements)}
    objects = kubernetes.objects(settings, _views(recordings | judgements), proven, dashboards)
    made |= {f"kubernetes/{name}": text for name, text in objects}
    groups = list(recordings.values()), list(judgements.values())
    wrapped = mixin.files(mixin.config(cluster_label), dashboards, *groups)
    made |= {f"mixin/{name}": text for name, text in wrapped}
    job = settings.dashboards.job
    return {path: jobs.renamed(made[path], job).encode() for path in sorted(made)}


Groups = dict[str, dict[str, Any]]
"""Rule groups by their file's path below prometheus/rules."""


def _recordings(settings: Settings) -> Groups:
    """Return the groups of recording rules."""
    intervals = settings.prometheus.intervals
    made = {
        f"{SHARD}/recording.yaml": recording.group(intervals),
        **{f"{GLOBAL}/{n}.yaml": group for n, group in comparisons.groups(intervals).items()},
    }
    made = {path: _clustered(settings, group) for path, group in made.items()}
    for subject, group in recorded.groups(settings.recording, intervals):
        made[f"{recorded.view(subject)}/recording_{subject}.yaml"] = group
    return made


def _judgements(settings: Settings, alerts: tuple[Alert, ...]) -> Groups:
    """Return the groups of alerts."""
    return {
        f"{view(alert)}/{stem(alert.name)}.yaml": _clustered(
            settings, rules.group(alert, settings.prometheus.intervals, settings.runbook_url)
        )
        for alert in alerts
    }


def _clustered(settings: Settings, group: dict[str, Any]) -> dict[str, Any]:
    return clusters.of_group(group, settings.dashboards.cluster_label)


def _views(groups: Groups) -> dict[str, list[dict[str, Any]]]:
    """Return the groups by who judges them: a shard, or the global view."""
    return {
        place: [group for path, group in groups.items() if path.startswith(f"{place}/")]
        for place in (SHARD, GLOBAL)
    }


def prometheus(settings: Settings, alerts: tuple[Alert, ...]) -> Iterator[tuple[str, str]]:
    """Yield the files below prometheus/."""
    intervals = settings.prometheus.intervals
    for path, group in (_recordings(settings) | _judgements(settings, alerts)).items():
        yield f"prometheus/rules/{path}", as_yaml({"groups": [group]})
    for subject, _ in recorded.groups(settings.recording, intervals):
        tests = recorded_cases.document(subject, settings.recording, intervals)
        yield f"prometheus/tests/recording_{subject}.yaml", as_yaml(tests)
    yield "prometheus/tests/recording.yaml", as_yaml(recording_cases.document(intervals))
    for alert in alerts:
        tests = cases.document(alert, intervals, settings.runbook_url)
        yield f"prometheus/tests/{stem(alert.name)}.yaml", as_yaml(tests)
    yield "prometheus/pint.hcl", PINT.read_text(encoding="utf-8")
    configuration = scrape.configuration(settings.scrape, intervals, settings.kubernetes.namespace)
    yield "prometheus/scrape.yaml", as_yaml(configuration)


def _alertmanager(
    settings: Settings, alerts: tuple[Alert, ...], base: str | None
) -> Iterator[tuple[str, str]]:
    additions = routes.additions(settings.routing, alerts, settings.teams)
    yield "alertmanager/routes.yaml", as_yaml(additions, note=MERGE)
    if base is None:
        complete = routes.configuration(settings.routing, settings.teams)
        yield "alertmanager/alertmanager.yaml", as_yaml(complete)
    else:
        yield "alertmanager/alertmanager.yaml", merged(base, additions)
