"""Each series and label that an alert on a neighbour reads is one that the neighbour exposes."""

from collections.abc import Iterator
from pathlib import Path

import promql_parser as promql
import pytest
from prometheus_client.parser import text_string_to_metric_families as families

from alerts.discovery import NEIGHBOURS, by_family
from alerts.model import Alert
from alerts.promql import written
from alerts.tuning import expression
from catalog.foreign import Foreign
from catalog.neighbours_index import by_program, by_series

FIXTURES = Path(__file__).parents[2] / "fixtures" / "neighbours"
ALERTS = by_family()[NEIGHBOURS]
TARGET = {"cluster", "instance", "job", "namespace", "node"}
"""Labels that a scrape sets, so that no program exposes them."""
RUN_FOR_REAL = {"kube-state-metrics", "blackbox_exporter"}

each_alert = pytest.mark.parametrize("alert", ALERTS, ids=lambda alert: alert.name)


def selectors(alert: Alert) -> list[promql.VectorSelector]:
    found: list[promql.VectorSelector] = []

    def visit(node: promql.Expr) -> None:
        if isinstance(node, promql.MatrixSelector):
            found.append(node.vector_selector)
        if isinstance(node, promql.VectorSelector):
            found.append(node)

    promql.walk(promql.parse(written(expression(alert))), visit)
    return found


def exposed() -> dict[str, set[str]]:
    """Return the labels of each series in the fixtures."""
    found: dict[str, set[str]] = {}
    for path in FIXTURES.glob("*.prom"):
        for family in families(path.read_text(encoding="utf-8")):
            for sample in family.samples:
                found.setdefault(sample.name, set()).update(sample.labels)
    return found


def plain(name: str) -> str:
    """Return a counter's name without the suffix that the parser gives every one."""
    return name if name in by_series() else name.removesuffix("_total")


EXPOSED = {plain(name): labels for name, labels in exposed().items()}


def read(alert: Alert) -> Iterator[tuple[str, Foreign]]:
    for selector in selectors(alert):
        name = selector.name or ""
        assert name in by_series(), f"{name} is nobody's"
        yield name, by_series()[name]


@each_alert
def test_it_names_only_what_a_neighbour_exposes(alert: Alert) -> None:
    for selector in selectors(alert):
        metric = by_series()[selector.name or ""]
        asked = {matcher.name for matcher in selector.matchers.matchers}
        assert asked <= {*metric.labels, "le"}, selector.name


@each_alert
def test_what_it_reads_stands_in_a_fixture_or_is_run_for_real(alert: Alert) -> None:
    real = {metric.name for program in RUN_FOR_REAL for metric in by_program()[program]}

    for series, metric in read(alert):
        if metric.name not in real:
            own = {label for label in metric.labels if label not in TARGET}
            assert EXPOSED[series] - {"le"} == own, series


def test_each_fixture_names_its_source_and_no_series_that_nobody_reads() -> None:
    for path in FIXTURES.glob("*.prom"):
        assert path.stem in by_program()
        assert path.read_text(encoding="utf-8").startswith("# "), path.name
    assert set(EXPOSED) <= set(by_series())


def test_every_metric_of_a_neighbour_tells_where_it_was_found() -> None:
    for metrics in by_program().values():
        for metric in metrics:
            assert "/" in metric.source.split(":")[0], metric.name
