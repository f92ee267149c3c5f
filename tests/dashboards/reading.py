"""How the tests read dashboards: their panels, queries and variables, as Grafana would ask them."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from dashboards import all_dashboards
from dashboards.exchange import panels

RENDERED = all_dashboards()


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One query of a panel, a variable or an annotation."""

    dashboard: str
    where: str
    expr: str
    legend: str = ""

    def __str__(self) -> str:
        return f"{self.dashboard}: {self.where}"


def drawn(dashboard: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return every panel that draws something: all but rows."""
    return [panel for panel in panels(dashboard) if panel["type"] != "row"]


def every_panel() -> list[tuple[str, dict[str, Any]]]:
    return [(name, panel) for name, made in RENDERED.items() for panel in drawn(made)]


def variables(dashboard: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    return {variable["name"]: variable for variable in dashboard["templating"]["list"]}


def panel_queries() -> list[Asked]:
    return [
        Asked(
            dashboard=name,
            where=f"{panel['title']} [{target['refId']}]",
            expr=target["expr"],
            legend=target["legendFormat"],
        )
        for name, panel in every_panel()
        for target in panel["targets"]
    ]


def annotation_queries() -> list[Asked]:
    return [
        Asked(dashboard=name, where=mark["name"], expr=mark["target"]["expr"],
              legend=mark["titleFormat"])
        for name, made in RENDERED.items()
        for mark in made["annotations"]["list"]
    ]  # fmt: skip


def variable_queries() -> Iterator[tuple[str, str, str]]:
    """Yield (dashboard and variable, selector, label) of each `label_values(selector, label)`."""
    for name, made in RENDERED.items():
        for variable in variables(made).values():
            if variable["type"] == "query":
                found = re.fullmatch(r"label_values\((.+), (\w+)\)", variable["query"]["query"])
                assert found is not None, variable["query"]
                yield f"{name}: ${variable['name']}", found[1], found[2]


def substitute(expr: str, chosen: Mapping[str, str]) -> str:
    """Put values where Grafana would; a variable that is not given stays and fails to parse."""
    for name, value in {"__rate_interval": "1m", **chosen}.items():
        expr = re.sub(rf"\${name}\b|\$\{{{name}\}}", value, expr)
    return expr


MANY = ("cluster", "gpu", "device", "namespace", "workload", "rail", "line")
ALL = {"node": "gpu-1", **dict.fromkeys(MANY, ".*")}
"""As Grafana fills in All: our variables' `allValue`."""
SEVERAL = {
    "cluster": "(a|b)",
    "node": "gpu-1",
    "gpu": "(0|3)",
    "device": "(mlx5_0|mlx5_3)",
    "namespace": "(ml|web)",
    "workload": "(llama|eval)",
    "rail": "(0|1)",
    "line": "(north|south)",
}
"""As Grafana fills in several values of one variable."""
