"""The alerts as Grafana provisions them: its file format, and the same judgement as Prometheus'.

Field names, required ones and units are those of Grafana's pkg/services/provisioning/alerting
(AlertRuleV1); the expressions are those of its own conversion of Prometheus' rules
(pkg/services/ngalert/prom). A file with a field of another name would be read and not obeyed.
"""

import json
import re
from datetime import timedelta
from pathlib import PurePosixPath
from typing import Any

import pytest
import yaml

from alerts.discovery import stem
from alerts.tuning import AlertSettings
from dashboards import Settings as DashboardSettings
from dashboards.alerting import uid
from render.settings import GrafanaSettings, PrometheusSettings, Settings
from render.tree import files

RULE = {
    "uid", "title", "condition", "data", "noDataState", "execErrState", "for", "keepFiringFor",
    "annotations", "labels", "isPaused", "missing_series_evals_to_resolve",
}  # fmt: skip
"""What Grafana reads of a rule and we use."""
STEP = {"refId", "queryType", "relativeTimeRange", "datasourceUid", "model"}
DURATION = re.compile(r"(\d+(w|d|h|m|s))+")

MADE = files(Settings())
FILES = {
    PurePosixPath(path).stem: json.loads(content)
    for path, content in MADE.items()
    if path.startswith("grafana/alerting/")
}
PROMETHEUS = {
    rule["alert"]: rule
    for path, content in MADE.items()
    if path.startswith("prometheus/rules/")
    for group in yaml.load(content, Loader=yaml.CSafeLoader)["groups"]
    for rule in group["rules"]
    if "alert" in rule
}
each_file = pytest.mark.parametrize("name", sorted(FILES))


def only(name: str) -> dict[str, Any]:
    """Return the one rule of a file."""
    (group,) = FILES[name]["groups"]
    (rule,) = group["rules"]
    return dict(rule)


def test_each_alert_has_its_file() -> None:
    assert set(FILES) == {stem(name) for name in PROMETHEUS}


@each_file
def test_a_group_has_what_grafana_requires(name: str) -> None:
    assert FILES[name].keys() == {"apiVersion", "groups"}
    assert FILES[name]["apiVersion"] == 1
    (group,) = FILES[name]["groups"]
    assert group.keys() == {"orgId", "name", "folder", "interval", "rules"}
    assert (group["orgId"], group["folder"]) == (1, "railwatch")
    assert int(group["interval"].removesuffix("s")) % 10 == 0


@each_file
def test_a_rule_has_the_fields_that_grafana_reads_and_no_other(name: str) -> None:
    rule = only(name)

    assert RULE - {"keepFiringFor"} <= rule.keys() <= RULE
    assert re.fullmatch(r"[a-zA-Z0-9_-]{1,40}", rule["uid"])
    assert all(step.keys() == STEP for step in rule["data"])
    assert rule["condition"] == rule["data"][-1]["refId"]
    assert DURATION.fullmatch(rule["for"])


@each_file
def test_it_asks_what_prometheus_asks_and_fires_for_each_series(name: str) -> None:
    rule = only(name)
    query, condition = rule["data"]

    assert query["model"]["expr"] == PROMETHEUS[rule["title"]]["expr"]
    assert (query["model"]["instant"], query["model"]["range"]) == (True, False)
    assert query["datasourceUid"] == query["model"]["datasource"]["uid"] == "railwatch"
    assert condition["datasourceUid"] == "__expr__"
    assert condition["model"]["type"] == "math"
    assert condition["model"]["expression"] == "is_number($A) || is_nan($A) || is_inf($A)"


@each_file
def test_it_waits_labels_and_tells_as_prometheus_does(name: str) -> None:
    rule = only(name)
    judged = PROMETHEUS[rule["title"]]

    assert rule["for"] == judged.get("for", "0s")
    assert rule.get("keepFiringFor") == judged.get("keep_firing_for")
    assert rule["labels"] == judged["labels"]
    assert rule["annotations"] == judged["annotations"]
    assert rule["noDataState"] == "OK"
    assert rule["execErrState"] == "Error"
    assert rule["missing_series_evals_to_resolve"] == 1


@each_file
def test_its_texts_mean_the_same_to_grafana(name: str) -> None:
    """`$value` is a sentence there, not a number; in labels `$` begins a variable."""
    rule = only(name)

    used = re.findall(r"\$\w+", " ".join(rule["annotations"].values()))
    assert set(used) <= {"$labels"}
    assert not any("$" in value for value in rule["labels"].values())


def test_no_two_rules_share_an_identity() -> None:
    identities = [only(name)["uid"] for name in FILES]

    assert len(set(identities)) == len(identities)


def test_the_data_source_that_is_asked_is_the_one_that_is_provisioned() -> None:
    made = files(Settings(grafana=GrafanaSettings(data_source="mine", folder="ops/$gpu")))

    sources = yaml.safe_load(made["grafana/provisioning/datasources.yaml"])["datasources"]
    (group,) = json.loads(made["grafana/alerting/gpu_fell_off_bus.json"])["groups"]
    assert [source["uid"] for source in sources] == ["mine"]
    assert group["rules"][0]["data"][0]["datasourceUid"] == "mine"
    assert group["folder"] == "ops/$$gpu"


def test_a_label_that_is_told_by_another_reaches_grafanas_template() -> None:
    """Grafana takes annotations as they stand, but `$labels` in a label for its environment's."""
    other = files(Settings(dashboards=DashboardSettings(cluster_label="k8s")))

    (group,) = json.loads(other["grafana/alerting/gpu_hung.json"])["groups"]
    (rule,) = group["rules"]
    assert rule["labels"]["cluster"] == "{{ $$labels.k8s }}"
    assert "{{ $labels.node }}" in "".join(rule["annotations"].values())


def test_the_data_source_tells_charts_how_often_samples_come() -> None:
    """By it Grafana works out `$__rate_interval`; at 15 s, its default, a rate of samples each
    minute would have no two of them to look at."""
    every = PrometheusSettings(scrape_interval=timedelta(minutes=1))

    made = files(Settings(prometheus=every))["grafana/provisioning/datasources.yaml"]

    (source,) = yaml.safe_load(made)["datasources"]
    assert source["jsonData"] == {"httpMethod": "POST", "timeInterval": "1m"}


@pytest.mark.parametrize(("evaluation", "interval"), [(7, "10s"), (10, "10s"), (45, "50s")])
def test_an_interval_is_one_that_grafanas_scheduler_takes(evaluation: int, interval: str) -> None:
    every = PrometheusSettings(evaluation_interval=timedelta(seconds=evaluation))

    made = json.loads(files(Settings(prometheus=every))["grafana/alerting/exporter_down.json"])

    assert made["groups"][0]["interval"] == interval


def test_an_alert_that_is_off_is_taken_away_from_a_grafana_that_has_it() -> None:
    made = files(Settings(alerts={"ExporterDown": AlertSettings(off=True)}))

    assert "grafana/alerting/exporter_down.json" not in made
    assert json.loads(made["grafana/alerting/off.json"]) == {
        "apiVersion": 1,
        "deleteRules": [{"orgId": 1, "uid": "railwatch-ExporterDown"}],
    }


def test_a_name_too_long_for_grafana_is_refused() -> None:
    with pytest.raises(ValueError, match="no uid of more than 40 characters"):
        uid("A" * 31)
