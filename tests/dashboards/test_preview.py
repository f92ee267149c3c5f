"""The preview draws every kind of panel that the dashboards have, in their units and words."""

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from dashboards.preview.asking import Answer, Asker
from dashboards.preview.picture import draw
from dashboards.preview.rows import Cell, table
from dashboards.preview.units import shown
from dashboards.preview.views import VIEWS
from tests.dashboards.reading import RENDERED, every_panel


class Told(Asker):
    """Answers every query with two series that it makes up."""

    def answers(self, target: Mapping[str, Any]) -> list[Answer]:
        times = (self.start, self.start + 600, self.end)
        labels = {"node": "gpu-1", "namespace": "ml", "gpu": "0", "severity": "critical"}
        return [
            Answer(
                labels=labels | {"device": name},
                legend=name,
                points=tuple((time, value * n) for n, time in enumerate(times)),
                letter=target["refId"],
            )
            for name, value in (("a", 1.0), ("b", 2.0))
        ]


class Silent(Asker):
    def answers(self, target: Mapping[str, Any]) -> list[Answer]:  # noqa: ARG002 - Asker's signature
        return []


@pytest.mark.parametrize("name", ["fleet", "node"])
@pytest.mark.parametrize("kind", [Told, Silent])
def test_a_dashboard_becomes_a_picture(tmp_path: Path, name: str, kind: type[Asker]) -> None:
    asker = kind(url="", end=1.8e9, hours=6, chosen={"cluster": ".*", "node": "gpu-1"})

    draw(RENDERED[name], asker, tmp_path / "made.png")

    with Image.open(tmp_path / "made.png") as made:
        assert made.format == "PNG"
        assert made.width == 1500
        assert len(made.getcolors(256) or ()) > 10


def test_there_is_a_view_for_every_kind_of_panel() -> None:
    assert {panel["type"] for _, panel in every_panel()} <= set(VIEWS)


def test_every_unit_can_be_shown() -> None:
    for _, panel in every_panel():
        overrides = panel["fieldConfig"]["overrides"]
        own = [p["value"] for o in overrides for p in o["properties"] if p["id"] == "unit"]
        for unit in (panel["fieldConfig"]["defaults"]["unit"], *own):
            assert shown(12.5, unit)


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (0.9876, "percentunit", "98.8 %"),
        (80 * 2**30, "bytes", "80 GiB"),
        (5e10, "Bps", "50 GB/s"),
        (0.0042, "s", "4.2 ms"),
        (7200, "s", "2 h"),
        (9.5 * 86_400, "dtdurations", "9 d 12 h"),
        (1_700_000_000_000, "dateTimeAsIso", "2023-11-14 22:13"),
        (1.98e9, "hertz", "1.98 GHz"),
        (math.nan, "short", "-"),
    ],
)
def test_values_are_written_as_people_read_them(value: float, unit: str, text: str) -> None:
    assert shown(value, unit) == text


def test_rows_of_two_queries_are_merged_by_their_labels() -> None:
    [panel] = [p for name, p in every_panel() if p["title"] == "Firing alerts by node"]
    labels = {"node": "gpu-1", "alertname": "X", "severity": "critical"}
    told = [
        Answer(labels=labels, legend="", points=((0, value),), letter=letter)
        for letter, value in (("A", 3.0), ("B", 1_700_000_000_000.0))
    ]

    titles, rows = table(panel, told)

    assert titles == ["Node", "Alert", "Severity", "Devices", "Since"]
    assert rows == [
        [
            Cell(text="gpu-1", color="link"),
            Cell(text="X"),
            Cell(text="critical", color="red"),
            Cell(text="3"),
            Cell(text="2023-11-14 22:13"),
        ]
    ]


def test_variables_and_legends_are_filled_in() -> None:
    asker = Asker(url="", end=0, hours=1, chosen={"node": "gpu-1", "cluster": ".*"})

    assert asker._substituted('x{node="$node",c=~"$cluster"}[$__rate_interval]') == (
        'x{node="gpu-1",c=~".*"}[10m]'
    )
