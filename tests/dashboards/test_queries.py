"""Every query parses, names only what the catalogue has, and labels only what it returns."""

import re

import promql_parser as promql
import pytest

from catalog import exporter, gpu, rdma
from catalog.labels import CLUSTER, CONDITION, INSTANCE, NODE, OBSERVED, SEVERITY, VERDICT
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
SERIES = {
    metric.name: {*metric.labels, *TARGET_LABELS}
    for metric in (*gpu.METRICS, *rdma.METRICS, *exporter.METRICS)
} | {
    "up": TARGET_LABELS,
    "ALERTS": ALERT_LABELS | TARGET_LABELS,
    "ALERTS_FOR_STATE": ALERT_LABELS | TARGET_LABELS,
    OBSERVED: {CLUSTER, NODE, "family", "facility"},
}

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
            labels = set[str]().union(*map(returned, node.args))
        case promql.ParenExpr():
            labels = returned(node.expr)
        case promql.MatrixSelector():
            labels = returned(node.vector_selector)
        case promql.VectorSelector(name=str(name)):
            labels = SERIES[name]
        case _:
            labels = set()
    return labels


def _aggregated(node: promql.AggregateExpr) -> set[str]:
    if node.modifier is None:
        return set()
    assert node.modifier.type == promql.AggModifierType.By
    return set(node.modifier.labels) & returned(node.expr)


def _joined(node: promql.BinaryExpr) -> set[str]:
    carried = (node.modifier.group_labels or []) if node.modifier else []
    left = returned(node.lhs) or returned(node.rhs)
    if str(node.op) == "or":
        return left & returned(node.rhs)
    return left | set(carried)


@each_query
@pytest.mark.parametrize("chosen", [ALL, SEVERAL], ids=["All", "several"])
def test_a_query_parses_whatever_is_chosen(asked: Asked, chosen: dict[str, str]) -> None:
    expr = substitute(asked.expr, chosen)

    assert "$" not in expr
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
        matchers = {str(matcher) for matcher in selector.matchers.matchers}
        assert 'cluster=~"(a|b)"' in matchers
        assert asked.dashboard != "node" or 'node="gpu-1"' in matchers


@each_query
def test_a_state_that_is_asked_for_is_one_of_its_metric(asked: Asked) -> None:
    states = {m.name: set(m.states) for m in (*gpu.METRICS, *exporter.METRICS) if m.states}

    for selector in selectors(substitute(asked.expr, ALL)):
        for matcher in selector.matchers.matchers:
            if matcher.name == "state":
                assert selector.name is not None
                assert set(matcher.value.split("|")) <= states[selector.name]


@each_query
def test_a_legend_names_only_labels_that_the_query_returns(asked: Asked) -> None:
    named = set(re.findall(r"\{\{(\w+)\}\}", asked.legend))

    assert named <= returned(promql.parse(substitute(asked.expr, ALL)))


@pytest.mark.parametrize("asked", [q for q in QUERIES if q.dashboard == "fleet"], ids=str)
def test_the_fleet_asks_for_sums_only_and_never_by_device(asked: Asked) -> None:
    labels = returned(promql.parse(substitute(asked.expr, ALL)))

    assert not labels & {"gpu", "uuid", "device", "port", "guid", "instance"}


@each_query
def test_a_counter_is_never_shown_raw(asked: Asked) -> None:
    expr = substitute(asked.expr, ALL)

    for name in set(re.findall(r"\b\w+_total\b", expr)):
        assert len(re.findall(rf"(?:rate|increase)\({name}\{{", expr)) == expr.count(name)


@each_query
def test_a_window_follows_the_scrape_interval(asked: Asked) -> None:
    windows = set(re.findall(r"\[([^]]+)\]", asked.expr))

    fixed = {"1h"} if "last hour" in asked.where else set[str]()
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
