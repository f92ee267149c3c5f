"""Grafana's field overrides and value mappings, for which grafanalib has no classes."""

from typing import Any

from dashboards.model import Column, Value


def fixed(pair: tuple[str, str]) -> dict[str, Any]:
    """Return what gives the series of a legend its colour."""
    legend, color = pair
    return _override(legend, ("color", {"mode": "fixed", "fixedColor": color}))


def dashed(legend: str) -> dict[str, Any]:
    """Return what draws the series of a legend as a dashed line over what is stacked."""
    return _override(
        legend,
        ("custom.lineStyle", {"fill": "dash", "dash": [10, 10]}),
        ("custom.fillOpacity", 0),
        ("custom.stacking", {"mode": "none", "group": "B"}),
    )


def _override(name: str, *properties: tuple[str, Any]) -> dict[str, Any]:
    return {
        "matcher": {"id": "byName", "options": name},
        "properties": [{"id": key, "value": value} for key, value in properties],
    }


def mappings(values: tuple[Value, ...]) -> list[dict[str, Any]]:
    """Return what shows words in the place of numbers."""
    shown = {
        str(value.number): {"text": value.text, "color": value.color, "index": index}
        for index, value in enumerate(values)
    }
    return [_mapping(shown)] if shown else []


def _mapping(options: dict[str, Any]) -> dict[str, Any]:
    return {"type": "value", "options": options}


def of_column(column: Column) -> dict[str, Any] | None:
    """Return what a table's column has of its own: unit, link, colours; None for nothing."""
    properties: list[tuple[str, Any]] = []
    if column.unit is not None:
        properties.append(("unit", str(column.unit)))
    if column.link:
        properties.append(("links", [{"title": "Open", "url": column.link, "targetBlank": False}]))
    if column.colors:
        cells = {
            text: {"color": color, "index": n} for n, (text, color) in enumerate(column.colors)
        }
        properties.append(("mappings", [_mapping(cells)]))
        properties.append(("custom.cellOptions", {"type": "color-text"}))
    return _override(column.title, *properties) if properties else None
