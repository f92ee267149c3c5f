"""What alerts judge of other programs can be looked at, and nothing is listed that nobody reads."""

import json
import re
from collections.abc import Mapping

import pytest

from alerts.discovery import NEIGHBOURS, all_alerts, by_family
from alerts.model import Alert
from alerts.tuning import expression
from catalog.neighbours_index import by_program, by_series
from testbed.showcase.history import recording_rules
from tests.dashboards.reading import RENDERED

NAMES = {metric.name for metrics in by_program().values() for metric in metrics}
SHOWN = json.dumps(RENDERED)

UNSHOWN: Mapping[str, str] = {
    "kube_node_info": "tells only that kube-state-metrics is scraped, as its others do",
    "kube_node_spec_taint": "leaves out nodes that are fenced: the dashboard of health has these",
    "kube_node_spec_unschedulable": "leaves out nodes that are cordoned",
    "kube_node_status_condition": "leaves out nodes that are not ready",
    "kube_pod_status_phase": "leaves out pods that have ended",
}
"""What alerts read beside what they are about, each with its reason to be on no dashboard."""


def read(text: str) -> set[str]:
    """Return the metrics of neighbours whose series a text names."""
    words = set(re.findall(r"[a-zA-Z_:][\w:]*", text))
    return {metric.name for name, metric in by_series().items() if name in words}


@pytest.mark.parametrize("alert", by_family()[NEIGHBOURS], ids=lambda alert: alert.name)
def test_what_an_alert_reads_of_a_neighbour_is_on_a_dashboard(alert: Alert) -> None:
    assert read(expression(alert)) - read(SHOWN) <= set(UNSHOWN)


def test_what_is_on_no_dashboard_is_read_by_alerts() -> None:
    judged = set[str]().union(*(read(expression(alert)) for alert in by_family()[NEIGHBOURS]))

    assert set(UNSHOWN) <= judged - read(SHOWN)


def test_no_metric_of_a_neighbour_is_listed_that_nobody_reads() -> None:
    recorded = " ".join(rule["expr"] for rule in recording_rules())
    judged = " ".join(map(expression, all_alerts()))

    assert read(f"{SHOWN} {recorded} {judged}") == NAMES


def test_a_name_is_found_as_a_whole_only() -> None:
    assert read("sum(kube_job_failed_more) by (x) + vllm:num_requests_waiting{}") == {
        "vllm:num_requests_waiting"
    }
