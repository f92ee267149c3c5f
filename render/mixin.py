"""The Jsonnet mixin: its sources, and the rendered data that they wrap."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from render.texts import as_json

SOURCES = (Path(__file__).with_name("jsonnet"), Path(__file__).resolve().parents[1] / "jsonnet")
"""Where the sources are: inside the installed package, or beside it in a checkout."""


def files(
    dashboards: Mapping[str, Mapping[str, Any]],
    recordings: Sequence[dict[str, Any]],
    alerts: Sequence[dict[str, Any]],
) -> Iterator[tuple[str, str]]:
    """Yield paths below mixin/ and their texts."""
    sources = next(place for place in SOURCES if place.is_dir())
    for source in sorted(sources.glob("*.libsonnet")):
        yield source.name, source.read_text(encoding="utf-8")
    yield "data/dashboards.json", as_json(dashboards)
    yield "data/rules.json", as_json({"groups": list(recordings)})
    yield "data/alerts.json", as_json({"groups": list(alerts)})
