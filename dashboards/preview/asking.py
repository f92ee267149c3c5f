"""Asks a Prometheus what Grafana would ask it for a panel."""

import json
import re
import urllib.parse
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

POINTS = 240
"""Samples of a series over a chart's width."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """One series: its labels, its name in legends, and its values by time."""

    labels: Mapping[str, str]
    legend: str
    points: tuple[tuple[float, float], ...]
    letter: str

    @property
    def last(self) -> float:
        """The newest value."""
        return self.points[-1][1]


@dataclass(frozen=True, slots=True, kw_only=True)
class Asker:
    """A Prometheus, a time span, and what is chosen at the top of the dashboards."""

    url: str
    end: float
    hours: float
    chosen: Mapping[str, str]

    @property
    def start(self) -> float:
        """Where the span begins."""
        return self.end - self.hours * 3600

    def answers(self, target: Mapping[str, Any]) -> list[Answer]:
        """Return the series of one query, empty where there are none; OSError: no answer."""
        expr = self._substituted(target["expr"])
        if target["instant"]:
            asked = {"query": expr, "time": f"{self.end:.0f}"}
            found = self._get("query", asked)
        else:
            step = max(60, round((self.end - self.start) / POINTS))
            asked = {"query": expr, "start": f"{self.start:.0f}", "end": f"{self.end:.0f}"}
            found = self._get("query_range", asked | {"step": str(step)})
        return [_answer(series, target) for series in found]

    def _substituted(self, expr: str) -> str:
        values = {"__rate_interval": "10m", **self.chosen}
        for name, value in values.items():
            expr = re.sub(rf"\$(?:{name}\b|\{{{name}\}})", value, expr)
        return expr

    def _get(self, path: str, asked: Mapping[str, str]) -> Any:
        url = f"{self.url}/api/v1/{path}"
        body = urllib.parse.urlencode(asked).encode()
        with urllib.request.urlopen(url, data=body, timeout=60) as answer:  # noqa: S310 - the user's own URL
            return json.load(answer)["data"]["result"]


def _answer(series: Mapping[str, Any], target: Mapping[str, Any]) -> Answer:
    values = series.get("values") or [series["value"]]
    return Answer(
        labels=series["metric"],
        legend=_legend(target["legendFormat"], series["metric"]),
        points=tuple((float(time), float(value)) for time, value in values),
        letter=target["refId"],
    )


def _legend(template: str, labels: Mapping[str, str]) -> str:
    if template == "__auto":
        return ", ".join(f"{value}" for name, value in labels.items() if name != "__name__")
    return re.sub(r"\{\{(\w+)\}\}", lambda found: labels.get(found[1], ""), template).strip()
