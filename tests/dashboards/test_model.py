"""What is rendered is in Grafana's classic model of today: no key that it does not know."""

import json
from typing import Any

import pytest

from tests.dashboards.reading import RENDERED, every_panel, variables

PANELS = every_panel()

# Grafana's own schema (kinds/dashboard/dashboard_kind.cue, and what Grafana 12 exports).
DASHBOARD_KEYS = {
    "annotations", "description", "editable", "fiscalYearStartMonth", "graphTooltip", "id", "links",
    "liveNow", "panels", "preload", "refresh", "schemaVersion", "tags", "templating", "time",
    "timepicker", "timezone", "title", "uid", "version", "weekStart",
}  # fmt: skip
PANEL_KEYS = {
    "datasource", "description", "fieldConfig", "gridPos", "id", "interval", "links",
    "maxDataPoints", "maxPerRow", "options", "pluginVersion", "repeat", "repeatDirection",
    "targets", "timeFrom", "timeShift", "title", "transformations", "transparent", "type",
}  # fmt: skip
ROW_KEYS = {"collapsed", "gridPos", "id", "panels", "title", "type"}
FIELD_KEYS = {
    "color", "custom", "decimals", "displayName", "links", "mappings", "max", "min", "noValue",
    "thresholds", "unit",
}  # fmt: skip
CUSTOM_KEYS = {
    "timeseries": {
        "axisLabel", "axisPlacement", "axisSoftMin", "axisSoftMax", "barAlignment", "drawStyle",
        "fillOpacity", "gradientMode", "hideFrom", "lineInterpolation", "lineWidth", "pointSize",
        "scaleDistribution", "showPoints", "spanNulls", "stacking", "thresholdsStyle",
    },
    "stat": set(),
    "state-timeline": {"fillOpacity", "lineWidth"},
    "table": {"align", "cellOptions", "filterable", "inspect"},
    "bargauge": set(),
}  # fmt: skip
OPTION_KEYS = {
    "timeseries": {"legend", "tooltip"},
    "stat": {
        "colorMode", "graphMode", "justifyMode", "orientation", "reduceOptions",
        "showPercentChange", "textMode", "wideLayout",
    },
    "state-timeline": {
        "alignValue", "legend", "mergeValues", "perPage", "rowHeight", "showValue", "tooltip",
    },
    "table": {"cellHeight", "footer", "showHeader", "sortBy"},
    "bargauge": {
        "displayMode", "legend", "maxVizHeight", "minVizHeight", "minVizWidth", "namePlacement",
        "orientation", "reduceOptions", "showUnfilled", "sizing", "valueMode",
    },
}  # fmt: skip
TARGET_KEYS = {
    "datasource", "editorMode", "exemplar", "expr", "format", "instant", "legendFormat", "range",
    "refId",
}  # fmt: skip
VARIABLE_KEYS = {
    "allValue", "current", "datasource", "definition", "hide", "includeAll", "label", "multi",
    "name", "options", "query", "refresh", "regex", "skipUrlSync", "sort", "type",
}  # fmt: skip

each_dashboard = pytest.mark.parametrize("name", sorted(RENDERED))
each_panel = pytest.mark.parametrize(
    ("name", "panel"), PANELS, ids=[f"{name}: {panel['title']}" for name, panel in PANELS]
)


@each_dashboard
def test_a_dashboard_is_in_the_current_classic_model(name: str) -> None:
    made = RENDERED[name]

    assert set(made) <= DASHBOARD_KEYS
    assert made["id"] is None
    assert made["schemaVersion"] >= 39
    assert made["title"]
    assert made["description"]
    assert isinstance(made["refresh"], str)
    assert "time_options" not in made["timepicker"]


@each_dashboard
def test_a_variable_has_only_what_variables_have_today(name: str) -> None:
    for variable in variables(RENDERED[name]).values():
        assert set(variable) <= VARIABLE_KEYS


@each_dashboard
def test_rows_have_a_title_and_nothing_that_rows_do_not_have(name: str) -> None:
    rows = [panel for panel in RENDERED[name]["panels"] if panel["type"] == "row"]

    assert rows
    for row in rows:
        assert set(row) == ROW_KEYS
        assert row["title"]


@each_panel
def test_a_panel_has_only_what_its_kind_has_today(name: str, panel: dict[str, Any]) -> None:
    defaults = panel["fieldConfig"]["defaults"]

    assert set(panel) <= PANEL_KEYS
    assert set(panel["fieldConfig"]) == {"defaults", "overrides"}
    assert set(defaults) <= FIELD_KEYS
    assert set(defaults["custom"]) <= CUSTOM_KEYS[panel["type"]]
    assert set(panel["options"]) <= OPTION_KEYS[panel["type"]]


@each_panel
def test_a_query_has_only_what_queries_have_today(name: str, panel: dict[str, Any]) -> None:
    for target in panel["targets"]:
        assert set(target) <= TARGET_KEYS


@each_panel
def test_no_null_stands_where_grafana_expects_a_value(name: str, panel: dict[str, Any]) -> None:
    found = json.dumps(panel).replace('"value": null', "")

    assert "null" not in found
