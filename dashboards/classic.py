"""Turns grafanalib's JSON, of schema version 12, into Grafana's current Classic model.

Grafana 13 provisions files in the Classic model only. What grafanalib writes beside it would be
migrated, or ignored, or break: `rows`, `sharedCrosshair`, `intervalFactor`, `datasource: null`.
This is data in, data out; nothing here knows grafanalib.
"""

from collections.abc import Iterable, Mapping
from typing import Any

SCHEMA_VERSION = 41
"""What Grafana 12.0 writes. 42 and 43 change two things we do not use (hidden series in tooltips,
the formatTime transformation), so newer Grafanas migrate by raising the number."""

PLUGIN_VERSION = "12.0.0"
"""The core panels' version whose options we write; without it Grafana migrates them from 6.1."""

DATASOURCE = {"type": "prometheus", "uid": "${datasource}"}

_DASHBOARD_LEGACY = ("__inputs", "gnetId", "hideControls", "rows", "sharedCrosshair", "style")
_PANEL_LEGACY = (
    "color", "columns", "editable", "error", "fontSize", "height", "mappings", "maxDataPoints",
    "minSpan", "span",
)  # fmt: skip
"""`maxDataPoints` is no relic, but grafanalib's default of 100 coarsens every chart."""
_PANEL_UNSET = (
    "cacheTimeout", "hideTimeOverride", "interval", "links", "maxPerRow", "repeat",
    "repeatDirection", "timeFrom", "timeShift",
)  # fmt: skip
"""Fields of the current model that grafanalib writes even where nobody set them."""
_OPTION_LEGACY = ("fieldOptions", "showThresholdLabels", "showThresholdMarkers")
"""What a bar gauge shows stands in `fieldConfig` since Grafana 7."""
_CUSTOM_LEGACY = ("displayMode",)
"""A table's cells are told how to look by `cellOptions` since Grafana 9.2."""
_ROW_LEGACY = ("datasource", "description", "fieldConfig", "targets", "transformations",
               "transparent")  # fmt: skip
_TARGET_LEGACY = ("hide", "interval", "intervalFactor", "metric", "query", "step", "target")
_VARIABLE_LEGACY = ("auto", "auto_count", "auto_min", "tagValuesQuery", "tagsQuery", "useTags")


def normalise(dashboard: Mapping[str, Any]) -> dict[str, Any]:
    """Return the provisioning form of a dashboard as grafanalib describes it."""
    clean = _without(dashboard, _DASHBOARD_LEGACY)
    clean |= {
        "id": None,
        "schemaVersion": SCHEMA_VERSION,
        "version": 1,
        "fiscalYearStartMonth": 0,
        "weekStart": "",
        "timepicker": {},
        "panels": [
            _row(panel) if panel["type"] == "row" else _panel(panel)
            for panel in _numbered(dashboard["panels"])
        ],
        "templating": {"list": [_variable(v) for v in dashboard["templating"]["list"]]},
    }
    return clean


def _without(record: Mapping[str, Any], legacy: Iterable[str]) -> dict[str, Any]:
    return {key: value for key, value in record.items() if key not in legacy}


def _present(record: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in record.items() if value is not None}


def _numbered(panels: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Give each panel, those inside collapsed rows too, its id in reading order."""
    numbered: list[dict[str, Any]] = []
    number = 0
    for panel in panels:
        number += 1
        copy = {**panel, "id": number}
        if panel["type"] == "row":
            copy["panels"] = [{**p, "id": number + n} for n, p in enumerate(panel["panels"], 1)]
            number += len(copy["panels"])
        numbered.append(copy)
    return numbered


def _row(row: Mapping[str, Any]) -> dict[str, Any]:
    clean = _without(row, (*_PANEL_LEGACY, *_PANEL_UNSET, *_ROW_LEGACY))
    return clean | {"panels": [_panel(panel) for panel in row["panels"]]}


def _panel(panel: Mapping[str, Any]) -> dict[str, Any]:
    unset = [key for key in _PANEL_UNSET if not panel.get(key)]
    clean = _without(panel, (*_PANEL_LEGACY, *unset))
    config = panel["fieldConfig"]
    defaults = _present(config["defaults"])
    custom = _present(_without(defaults.get("custom", {}), _CUSTOM_LEGACY))
    clean |= {
        "datasource": DATASOURCE,
        "pluginVersion": PLUGIN_VERSION,
        "fieldConfig": {
            "defaults": defaults | {"custom": custom},
            "overrides": config.get("overrides", []),
        },
        "options": _without(panel["options"], _OPTION_LEGACY),
        "targets": [_target(target) for target in panel["targets"]],
    }
    return clean


def _target(target: Mapping[str, Any]) -> dict[str, Any]:
    clean = _without(target, _TARGET_LEGACY)
    return clean | {
        "datasource": DATASOURCE,
        "editorMode": "code",
        "range": not target["instant"],
    }


def _variable(variable: Mapping[str, Any]) -> dict[str, Any]:
    clean = _without(variable, _VARIABLE_LEGACY)
    clean |= {"regex": "", "skipUrlSync": False}
    if variable["type"] == "datasource":
        del clean["allValue"], clean["datasource"], clean["sort"]
        return clean | {"current": {"text": "default", "value": "default"}}
    if not variable["multi"]:
        del clean["allValue"]
        return clean | _query(variable) | {"current": {}}
    return clean | _query(variable) | {"current": {"text": ["All"], "value": ["$__all"]}}


def _query(variable: Mapping[str, Any]) -> dict[str, Any]:
    """Return the query as Grafana's variable editor stores it; a bare string is its older form."""
    return {
        "datasource": DATASOURCE,
        "definition": variable["query"],
        "query": {
            "qryType": 1,
            "query": variable["query"],
            "refId": "PrometheusVariableQueryEditor-VariableQuery",
        },
    }
