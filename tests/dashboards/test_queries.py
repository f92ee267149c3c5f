"""Every query parses, names only what the catalogue has, and labels only what it returns."""

import re

import promql_parser as promql
import pytest

from catalog import compared, fleet
from catalog.exporter import COLLECTOR_STATES
from catalog.gpu import STATES
from catalog.labels import CLUSTER, CONDITION, INSTANCE, LINE, NODE, OBSERVED, SEVERITY, VERDICT
from catalog.metrics import Kind, Metric
from catalog.neighbours_index import by_program
from catalog.registry import all_metrics
from tests.dashboards.reading import (
    ALL,
    SEVERAL,
    Asked,
    annotation_queries,
    panel_queries,
    substitute,
    variable_queries,
)

QUERIES = [*panel_queries(), *annotation_queries()]
TARGET_LABELS = {CLUSTER, NODE, INSTANCE, "job"}
ALERT_LABELS = {
    "alertname", "alertstate", SEVERITY, CONDITION, VERDICT, NODE, "gpu", "uuid", "device", "port",
}  # fmt: skip
FOREIGN = [metric for metrics in by_program().values() for metric in metrics]
TABLES = {fleet.TEAM.name, fleet.GPU_PRICE.name}
"""What stands in render.toml is the same for every cluster."""


def exposed(metric: Metric) -> dict[str, set[str]]:
    """Return the series of a metric and the labels they can have."""
    labels = {*metric.labels, *TARGET_LABELS}
    if metric.kind is not Kind.HISTOGRAM:
        return {metric.name: labels}
    names = {f"{metric.name}_{part}": labels for part in ("count", "sum")}
    return names | {f"{metric.name}_bucket": {*labels, "le"}}


SERIES = {
    name: labels
    for metric in (*all_metrics(), *FOREIGN)
    for name, labels in exposed(metric).items()
} | {
    "up": TARGET_LABELS,
    "ALERTS": ALERT_LABELS | TARGET_LABELS,
    "ALERTS_FOR_STATE": ALERT_LABELS | TARGET_LABELS,
    OBSERVED: {CLUSTER, NODE, "family", "facility"},
    **{metric.name: {*metric.labels, CLUSTER} for metric in fleet.RECORDED},
    **{name: {CLUSTER, NODE, "gpu", "uuid", LINE} for name in compared.COMPARED},
}
COUNTERS = {m.name for m in (*all_metrics(), *FOREIGN) if m.kind is Kind.COUNTER}
DEVICES = {"gpu", "uuid", "device", "port", "guid"}
FLEET_WIDE = ("fleet", "cost", "health", "scheduler", "railwatch")
VALUES = {
    (metric.name, "state"): set(metric.states) for metric in all_metrics() if metric.states
} | {
    (fleet.GPUS.name, "state"): set(STATES),
    (fleet.COLLECTORS.name, "state"): set(COLLECTOR_STATES),
    (fleet.RAIL_PORTS.name, "state"): set(fleet.PORT_CONDITIONS),
    (fleet.GPU_USE.name, "use"): set(fleet.USES),
    (fleet.GPU_SPEND.name, "use"): set(fleet.USES),
    (fleet.NODES.name, "coverage"): set(fleet.COVERAGES),
    (fleet.SLO_ERRORS.name, "slo"): set(fleet.OBJECTIVES),
}
"""The values that a label can have, where these are few."""
AN_HOUR = ("last hour", "Changes of the topology", "How long new faults took")
"""Titles of panels that look back an hour, whatever the step of the chart."""

each_query = pytest.mark.parametrize("asked", QUERIES, ids=str)


def selectors(expr: str) -> list[promql.VectorSelector]:
    found: list[promql.VectorSelector] = []

    def visit(node: promql.Expr) -> None:
        if isinstance(node, promql.MatrixSelector):
            found.append(node.vector_selector)
        if isinstance(node, promql.VectorSelector):
            found.append(node)

    promql.walk(promql.parse(expr), visit)
    return found


def returned(node: promql.Expr) -> set[str]:
    """Return the labels that a query's series can have."""
    match node:
        case promql.AggregateExpr():
            labels = _aggregated(node)
        case promql.BinaryExpr():
            labels = _joined(node)
        case promql.Call():
            labels = _called(node)
        case promql.ParenExpr():
            labels = returned(node.expr)
        case promql.MatrixSelector():
            labels = returned(node.vector_selector)
        case promql.VectorSelector(name=str(name)):
            labels = SERIES[name]
        case _:
            labels = set()
    return labels


def _called(node: promql.Call) -> set[str]:
    labels = set[str]().union(*map(returned, node.args))
    if node.func.name == "label_replace":
        return labels | {str(node.args[1].val)}
    return labels - {"le"} if node.func.name == "histogram_quantile" else labels


def _aggregated(node: promql.AggregateExpr) -> set[str]:
    if str(node.op) in ("topk", "bottomk"):
        return returned(node.expr)
    if node.modifier is None:
        return set()
    assert node.modifier.type == promql.AggModifierType.By
    return set(node.modifier.labels) & returned(node.expr)


def _joined(node: promql.BinaryExpr) -> set[str]:
    operator = str(node.op)
    left, right = returned(node.lhs), returned(node.rhs)
    if operator == "or":
        return left & right
    if operator in ("and", "unless") or not node.modifier:
        return left or right
    matching = node.modifier.matching
    if matching is None or node.modifier.group_labels is not None:
        return (left or right) | set(node.modifier.group_labels or [])
    return left & set(matching.labels) if "One" in str(node.modifier.card) else left


@each_query
@pytest.mark.parametrize("chosen", [ALL, SEVERAL], ids=["All", "several"])
def test_a_query_parses_whatever_is_chosen(asked: Asked, chosen: dict[str, str]) -> None:
    expr = substitute(asked.expr, chosen)

    assert "$" not in expr.replace('"$1"', ""), "$1 is label_replace's, any other is left over"
    assert promql.parse(expr).prettify()


@each_query
def test_a_query_names_only_series_and_labels_that_exist(asked: Asked) -> None:
    found = selectors(substitute(asked.expr, ALL))

    assert found
    for selector in found:
        assert selector.name in SERIES
        used = {matcher.name for matcher in selector.matchers.matchers}
        assert used <= SERIES[selector.name]


@each_query
def test_every_selector_keeps_to_the_chosen_cluster_and_node(asked: Asked) -> None:
    for selector in selectors(substitute(asked.expr, SEVERAL)):
        if selector.name in TABLES:
            continue
        matchers = {str(matcher) for matcher in selector.matchers.matchers}
        assert 'cluster=~"(a|b)"' in matchers
        assert asked.dashboard not in ("node", "gpu") or 'node="gpu-1"' in matchers


@each_query
def test_a_value_that_is_asked_for_is_one_of_its_label(asked: Asked) -> None:
    for selector in selectors(substitute(asked.expr, ALL)):
        for matcher in selector.matchers.matchers:
            known = VALUES.get((selector.name or "", matcher.name))
            if known is not None:
                assert set(matcher.value.split("|")) <= known, matcher


@each_query
def test_a_legend_names_only_labels_that_the_query_returns(asked: Asked) -> None:
    named = set(re.findall(r"\{\{(\w+)\}\}", asked.legend))

    assert named <= returned(promql.parse(substitute(asked.expr, ALL)))


@pytest.mark.parametrize("asked", [q for q in QUERIES if q.dashboard in FLEET_WIDE], ids=str)
def test_what_shows_the_whole_fleet_never_asks_by_device(asked: Asked) -> None:
    expr = substitute(asked.expr, ALL)

    for selector in selectors(expr):
        own = SERIES[selector.name or ""] - TARGET_LABELS
        assert (selector.name or "").startswith("ALERTS") or not own & DEVICES, selector.name
    assert not returned(promql.parse(expr)) & DEVICES


@each_query
def test_a_counter_is_never_shown_raw(asked: Asked) -> None:
    expr = substitute(asked.expr, ALL)

    for name in {selector.name or "" for selector in selectors(expr)} & COUNTERS:
        shown = len(re.findall(rf"\b{name}\{{", expr))
        assert len(re.findall(rf"(?:rate|increase)\({name}\{{", expr)) == shown


@each_query
def test_a_window_follows_the_scrape_interval(asked: Asked) -> None:
    windows = set(re.findall(r"\[([^]]+)\]", asked.expr))

    fixed = {"1h"} if any(title in asked.where for title in AN_HOUR) else set[str]()
    assert windows <= {"$__rate_interval"} | fixed


@pytest.mark.parametrize(("where", "selector", "label"), list(variable_queries()))
def test_a_variable_lists_a_label_that_its_series_has(
    where: str, selector: str, label: str
) -> None:
    [found] = selectors(substitute(selector, ALL))

    assert found.name is not None
    assert label in SERIES[found.name]


def test_a_metric_that_nothing_exports_is_noticed() -> None:
    [found] = selectors("sum(railwatch_gpu_colour)")

    assert found.name not in SERIES
