"""The form in which grafana.com and Grafana's import dialogue take dashboards.

The importer asks once for the data source (`__inputs`) and writes it in place of
`${DS_PROMETHEUS}`, so the data source variable goes. `uid` stays: the drill-down links need it.
"""

import copy
import re
from collections.abc import Iterator, Mapping
from typing import Any

INPUT = "DS_PROMETHEUS"
GRAFANA = "12.0.0"
"""The oldest Grafana that reads the schema version we write without guessing."""

_PANEL_NAMES = {
    "bargauge": "Bar gauge",
    "stat": "Stat",
    "state-timeline": "State timeline",
    "table": "Table",
    "timeseries": "Time series",
}
_CARRIED = re.compile(r"\$\{datasource:queryparam\}&?")


def importable(dashboard: Mapping[str, Any]) -> dict[str, Any]:
    """Return the import form of a dashboard in provisioning form."""
    made: dict[str, Any] = _renamed(copy.deepcopy(dict(dashboard)))
    variables = made["templating"]["list"]
    made["templating"]["list"] = [v for v in variables if v["type"] != "datasource"]
    made["editable"] = True
    head = {"__inputs": [_input()], "__elements": {}, "__requires": _requires(made)}
    return head | made


def _renamed(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _renamed(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_renamed(item) for item in value]
    if isinstance(value, str):
        return _CARRIED.sub("", value).replace("${datasource}", f"${{{INPUT}}}")
    return value


def _input() -> dict[str, str]:
    return {
        "name": INPUT,
        "label": "Prometheus",
        "description": "The Prometheus that scrapes railwatch's exporters",
        "type": "datasource",
        "pluginId": "prometheus",
        "pluginName": "Prometheus",
    }


def _requires(dashboard: Mapping[str, Any]) -> list[dict[str, str]]:
    kinds = sorted({panel["type"] for panel in panels(dashboard)} - {"row"})
    return [
        {"type": "grafana", "id": "grafana", "name": "Grafana", "version": GRAFANA},
        {"type": "datasource", "id": "prometheus", "name": "Prometheus", "version": "1.0.0"},
        *({"type": "panel", "id": k, "name": _PANEL_NAMES[k], "version": ""} for k in kinds),
    ]


def panels(dashboard: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield every panel, rows and those inside collapsed rows too."""
    for panel in dashboard["panels"]:
        yield panel
        yield from panel.get("panels", ())
