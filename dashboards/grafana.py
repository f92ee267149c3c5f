"""From our records to Grafana's JSON, by grafanalib; the one file that imports it."""

import json
from collections.abc import Mapping
from typing import Any

from grafanalib import core
from grafanalib._gen import DashboardEncoder

from dashboards import alerting
from dashboards.alerting import CONDITION, FIRES, QUERY
from dashboards.classic import DATASOURCE, normalise
from dashboards.layout import Place, place
from dashboards.model import (
    Bars,
    Board,
    Chart,
    Figure,
    Listing,
    Panel,
    Query,
    Section,
    Timeline,
    Variable,
)
from dashboards.overrides import dashed, fixed, mappings, of_column
from dashboards.settings import Settings

_REFRESH_ON_TIME_CHANGE = 2
_SHARED_CROSSHAIR = 1


def render(board: Board, settings: Settings) -> dict[str, Any]:
    """Return a board in the form that Grafana provisions from a file."""
    made = core.Dashboard(
        uid=board.uid,
        title=board.title,
        description=board.description,
        editable=False,
        graphTooltip=_SHARED_CROSSHAIR,
        refresh=settings.refresh,
        timezone="browser",
        time=core.Time(board.range, "now"),
        tags=list(settings.tags),
        templating=core.Templating([_datasource(), *map(_variable, board.variables)]),
        annotations=core.Annotations([_annotation(query) for query in board.annotations]),
        links=[_siblings(settings)],
        panels=[
            panel
            for section, heading, places in place(board.sections)
            for panel in _section(section, heading, places)
        ],
    )
    return normalise(json.loads(json.dumps(made.to_json_data(), cls=DashboardEncoder)))


def _datasource() -> core.Template:
    return core.Template(name="datasource", label="Data source", type="datasource",
                         query="prometheus")  # fmt: skip


def _variable(variable: Variable) -> core.Template:
    return core.Template(
        name=variable.name,
        label=variable.title,
        query=variable.query,
        refresh=_REFRESH_ON_TIME_CHANGE,
        multi=variable.many,
        includeAll=variable.many,
        allValue=".*" if variable.many else None,
        sort=core.SORT_ALPHA_ASC if variable.many else core.SORT_NUMERIC_ASC,
    )


def _annotation(query: Query) -> dict[str, Any]:
    return {
        "name": "Firing alerts",
        "datasource": DATASOURCE,
        "enable": True,
        "hide": False,
        "iconColor": "red",
        "target": {"expr": query.expr, "interval": "", "refId": "Anno"},
        "titleFormat": query.legend,
        "textFormat": "",
        "tagKeys": "severity,verdict",
        "useValueForTime": False,
    }


def _siblings(settings: Settings) -> core.DashboardLink:
    return core.DashboardLink(
        title="railwatch",
        type="dashboards",
        tags=list(settings.tags),
        asDropdown=True,
        includeVars=True,
        keepTime=True,
    )


def _section(section: Section, heading: Place, places: list[Place]) -> list[core.Panel]:
    panels = [_panel(panel, at) for panel, at in zip(section.panels, places, strict=True)]
    row = core.RowPanel(
        title=section.title,
        collapsed=section.collapsed,
        gridPos=_grid(heading),
        panels=panels if section.collapsed else [],
    )
    return [row] if section.collapsed else [row, *panels]


def _grid(at: Place) -> core.GridPos:
    return core.GridPos(x=at.x, y=at.y, w=at.width, h=at.height)


def _panel(panel: Panel, at: Place) -> core.Panel:
    match panel.view:
        case Chart():
            return _chart(panel, panel.view, at)
        case Figure():
            return _figure(panel, panel.view, at)
        case Timeline():
            return _timeline(panel, panel.view, at)
        case Listing():
            return _listing(panel, panel.view, at)
        case Bars():
            return _bars(panel, panel.view, at)


def _shared(panel: Panel, at: Place, *, now: bool) -> dict[str, Any]:
    return {
        "title": panel.title,
        "description": panel.description,
        "gridPos": _grid(at),
        "thresholds": _thresholds(panel),
        "targets": [
            core.Target(
                refId=chr(ord("A") + number),
                expr=query.expr,
                legendFormat=query.legend or "__auto",
                instant=now,
                format="table" if isinstance(panel.view, Listing) else "time_series",
            )
            for number, query in enumerate(panel.queries)
        ],
    }


def _thresholds(panel: Panel) -> list[dict[str, Any]]:
    base = {"color": "green" if panel.thresholds else "text", "value": None}
    return [base, *({"color": step.color, "value": step.value} for step in panel.thresholds)]


def _defaults(panel: Panel, **more: Any) -> dict[str, Any]:
    """Return what grafanalib has no parameter for, to be laid over its field defaults."""
    defaults = {"noValue": panel.no_data, "unit": str(panel.unit), **more}
    return {"fieldConfig": {"defaults": defaults}}


def _chart(panel: Panel, chart: Chart, at: Place) -> core.Panel:
    return core.TimeSeries(
        **_shared(panel, at, now=False),
        drawStyle="bars" if chart.bars else "line",
        fillOpacity=60 if chart.bars else 10 + 30 * chart.stacked,
        showPoints="never",
        stacking={"mode": "normal" if chart.stacked else "none", "group": "A"},
        legendDisplayMode="table",
        legendCalcs=["lastNotNull", "max"],
        tooltipMode="multi",
        tooltipSort="desc",
        thresholdsStyleMode="dashed" if panel.thresholds else "off",
        axisSoftMin=0,
        overrides=[*map(fixed, chart.fixed), *map(dashed, chart.dashed)],
        extraJson=_defaults(panel, max=chart.maximum, custom={"axisSoftMin": chart.minimum})
        | {"options": {"legend": {"showLegend": True}}},
    )


def _figure(panel: Panel, figure: Figure, at: Place) -> core.Panel:
    return core.Stat(
        **_shared(panel, at, now=not figure.trend),
        format=str(panel.unit),
        noValue=panel.no_data,
        color={"mode": "thresholds"},
        colorMode="background" if panel.thresholds or figure.values else "value",
        mappings=mappings(figure.values),
        graphMode="area" if figure.trend else "none",
        reduceCalc="lastNotNull",
        extraJson={"options": {"wideLayout": True, "showPercentChange": False}},
    )


def _bars(panel: Panel, bars: Bars, at: Place) -> core.Panel:
    options = {
        "namePlacement": "auto",
        "reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": False},
        "showUnfilled": True,
        "sizing": "auto",
        "valueMode": "color",
    }
    return core.BarGauge(
        **_shared(panel, at, now=True),
        displayMode="gradient",
        extraJson=_defaults(panel, min=0, max=bars.maximum) | {"options": options},
    )


def _timeline(panel: Panel, timeline: Timeline, at: Place) -> core.Panel:
    return core.StateTimeline(
        **_shared(panel, at, now=False),
        mappings=mappings(timeline.values),
        showValue="never",
        extraJson=_defaults(panel) | {"options": {"legend": {"showLegend": True}}},
    )


def _listing(panel: Panel, listing: Listing, at: Place) -> core.Panel:
    titles = {column.field: column.title for column in listing.columns}
    several = len(panel.queries) > 1
    return core.Table(
        **_shared(panel, at, now=True),
        filterable=True,
        transformations=[
            *([{"id": "merge", "options": {}}] if several else []),
            {"id": "filterFieldsByName", "options": {"include": {"names": list(titles)}}},
            {
                "id": "organize",
                "options": {
                    "indexByName": {field: index for index, field in enumerate(titles)},
                    "renameByName": titles,
                },
            },
        ],
        overrides=[override for column in listing.columns if (override := of_column(column))],
        extraJson=_table_json(panel),
    )


def _table_json(panel: Panel) -> dict[str, Any]:
    custom = {"cellOptions": {"type": "auto"}, "inspect": False}
    return _defaults(panel, custom=custom) | {"options": {"cellHeight": "sm"}}


def managed(
    group: Mapping[str, Any], *, interval: str, folder: str, datasource: str
) -> dict[str, Any]:
    """Return a group of alerts, given as Prometheus reads it, as rules that Grafana judges itself.

    `datasource` is the uid of a data source that reaches the recording rules' series as well.
    """
    made = core.AlertGroup(
        name=group["name"],
        folder=folder,
        evaluateInterval=interval,
        rules=[_managed(rule, datasource) for rule in group["rules"]],
    )
    file = core.AlertFileBasedProvisioning(groups=[made]).to_json_data()
    return alerting.normalise(json.loads(json.dumps(file, cls=DashboardEncoder)), group)


def _managed(rule: Mapping[str, Any], datasource: str) -> core.AlertRulev9:
    return core.AlertRulev9(
        uid=alerting.uid(rule["alert"]),
        title=rule["alert"],
        triggers=[
            core.Target(refId=QUERY, expr=rule["expr"], datasource=datasource),
            core.AlertExpression(
                refId=CONDITION, expression=FIRES, expressionType=core.EXP_TYPE_MATH
            ),
        ],
        condition=CONDITION,
        evaluateFor=rule.get("for", "0s"),
        noDataAlertState=core.ALERTRULE_STATE_DATA_OK,
        errorAlertState=core.ALERTRULE_STATE_DATA_ERROR,
        annotations=dict(rule["annotations"]),
        labels=dict(rule["labels"]),
    )
