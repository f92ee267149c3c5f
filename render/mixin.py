"""The Jsonnet mixin: its sources, and the rendered data that they wrap."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from catalog.labels import BRIDGE_JOB, EXPORTER_JOB, SCHEDULER_JOB
from render.texts import as_json

SOURCES = (Path(__file__).with_name("jsonnet"), Path(__file__).resolve().parents[1] / "jsonnet")
"""Where the sources are: inside the installed package, or beside it in a checkout."""


def config(cluster_label: str) -> dict[str, str]:
    """Return what the expressions were rendered with, by the name of its field in `_config`."""
    return {
        "clusterLabel": cluster_label,
        "exporterSelector": _selector(EXPORTER_JOB),
        "bridgeSelector": _selector(BRIDGE_JOB),
        "schedulerSelector": _selector(SCHEDULER_JOB),
    }


def _selector(job: str) -> str:
    return f'job="{job}"'


def files(
    config: Mapping[str, str],
    dashboards: Mapping[str, Mapping[str, Any]],
    recordings: Sequence[dict[str, Any]],
    alerts: Sequence[dict[str, Any]],
) -> Iterator[tuple[str, str]]:
    """Yield paths below mixin/ and their texts."""
    sources = next(place for place in SOURCES if place.is_dir())
    for source in sorted(sources.glob("*.libsonnet")):
        yield source.name, source.read_text(encoding="utf-8")
    yield "data/config.json", as_json(config)
    yield "data/dashboards.json", as_json(dashboards)
    yield "data/rules.json", as_json({"groups": list(recordings)})
    yield "data/alerts.json", as_json({"groups": list(alerts)})
