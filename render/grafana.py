"""Grafana's files: dashboards in both forms, alerts, and the provisioning that loads them."""

import math
from collections.abc import Iterator, Mapping
from datetime import timedelta
from pathlib import PurePosixPath
from typing import Any

from alerts.discovery import all_alerts
from alerts.promql import duration
from dashboards import importable, managed
from dashboards.alerting import EVALUATION_STEP, without
from render.settings import GrafanaSettings, Settings
from render.texts import as_json, as_yaml


def files(
    settings: Settings, dashboards: Mapping[str, Mapping[str, Any]]
) -> Iterator[tuple[str, str]]:
    """Yield paths below grafana/ and their texts."""
    for stem, dashboard in dashboards.items():
        yield f"dashboards/{stem}.json", as_json(dashboard)
        yield f"import/{stem}.json", as_json(importable(dashboard))
    yield "provisioning/dashboards.yaml", as_yaml(_provider(settings.grafana))
    yield "provisioning/datasources.yaml", as_yaml(_data_source(settings))


def alerting(
    settings: Settings, groups: Mapping[str, Mapping[str, Any]]
) -> Iterator[tuple[str, str]]:
    """Yield paths below grafana/ and texts of the alerts as rules that Grafana judges itself.

    `groups` are those that Prometheus reads, by the path of their file.
    """
    interval = _stepped(settings.prometheus.evaluation_interval)
    to = settings.grafana
    for path, group in groups.items():
        made = managed(group, interval=interval, folder=to.folder, datasource=to.data_source)
        yield f"alerting/{PurePosixPath(path).stem}.json", as_json(made)
    kept = {rule["alert"] for group in groups.values() for rule in group["rules"]}
    if off := sorted({alert.name for alert in all_alerts()} - kept):
        yield "alerting/off.json", as_json(without(off))


def _stepped(interval: timedelta) -> str:
    """Return the shortest interval that Grafana takes and that is not shorter than this one."""
    return f"{math.ceil(interval.total_seconds() / EVALUATION_STEP) * EVALUATION_STEP}s"


def _provider(settings: GrafanaSettings) -> dict[str, Any]:
    return {
        "apiVersion": 1,
        "providers": [
            {
                "name": "railwatch",
                "folder": settings.folder,
                "type": "file",
                "allowUiUpdates": False,
                "options": {"path": settings.dashboards_path},
            }
        ],
    }


def _data_source(settings: Settings) -> dict[str, Any]:
    """Return the data source; charts see by its interval how far back a rate has to look."""
    return {
        "apiVersion": 1,
        "datasources": [
            {
                "name": "railwatch",
                "uid": settings.grafana.data_source,
                "type": "prometheus",
                "access": "proxy",
                "url": settings.grafana.prometheus_url,
                "jsonData": {
                    "httpMethod": "POST",
                    "timeInterval": duration(settings.prometheus.scrape_interval),
                },
            }
        ],
    }
