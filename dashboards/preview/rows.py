"""The rows of a table, as Grafana's transformations make them of several queries' series."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from dashboards.preview.asking import Answer
from dashboards.preview.units import shown


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """One cell: its text and the colour of that, empty for the usual one."""

    text: str
    color: str = ""


def table(
    panel: Mapping[str, Any], answers: Sequence[Answer]
) -> tuple[list[str], list[list[Cell]]]:
    """Return headings and rows; columns that are empty in every row are left out."""
    steps = {step["id"]: step["options"] for step in panel["transformations"]}
    fields = steps["filterFieldsByName"]["include"]["names"]
    titles = steps["organize"]["renameByName"]
    rows = list(_merged(answers, several=len(panel["targets"]) > 1).values())
    kept = [field for field in fields if any(field in row for row in rows)]
    cells = [[_cell(panel, titles[field], row.get(field)) for field in kept] for row in rows]
    return [titles[field] for field in kept], cells


def _merged(answers: Sequence[Answer], *, several: bool) -> dict[Any, dict[str, Any]]:
    rows: dict[Any, dict[str, Any]] = {}
    for answer in answers:
        labels = {name: text for name, text in answer.labels.items() if name != "__name__"}
        row = rows.setdefault(tuple(sorted(labels.items())), dict(labels))
        row[f"Value #{answer.letter}" if several else "Value"] = answer.last
    return rows


def _cell(panel: Mapping[str, Any], title: str, value: Any) -> Cell:
    config = panel["fieldConfig"]
    own = {
        each["id"]: each["value"]
        for override in config["overrides"]
        if override["matcher"]["options"] == title
        for each in override["properties"]
    }
    if isinstance(value, float):
        return Cell(text=shown(value, own.get("unit", config["defaults"]["unit"])))
    text = value or ""
    for mapping in own.get("mappings", ()):
        if text in mapping["options"]:
            return Cell(text=text, color=mapping["options"][text]["color"])
    return Cell(text=text, color="link" if "links" in own else "")
