"""Grafana's files: dashboards in both forms, and the provisioning that loads them."""

from collections.abc import Iterator, Mapping
from typing import Any

from dashboards import importable
from render.settings import GrafanaSettings
from render.texts import as_json, as_yaml


def files(
    settings: GrafanaSettings, dashboards: Mapping[str, Mapping[str, Any]]
) -> Iterator[tuple[str, str]]:
    """Yield paths below grafana/ and their texts."""
    for stem, dashboard in dashboards.items():
        yield f"dashboards/{stem}.json", as_json(dashboard)
        yield f"import/{stem}.json", as_json(importable(dashboard))
    yield "provisioning/dashboards.yaml", as_yaml(_provider(settings))
    yield "provisioning/datasources.yaml", as_yaml(_data_source(settings))


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


def _data_source(settings: GrafanaSettings) -> dict[str, Any]:
    return {
        "apiVersion": 1,
        "datasources": [
            {
                "name": "railwatch",
                "type": "prometheus",
                "access": "proxy",
                "url": settings.prometheus_url,
            }
        ],
    }
