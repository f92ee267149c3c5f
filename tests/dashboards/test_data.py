"""Every query of every panel, variable and annotation, asked of a real Prometheus.

It scrapes the real exporter on simulated hardware, of which some is broken, and a second node's
exporter that does not answer, and judges both by the rules as they are rendered.
"""

import re
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
import yaml

from alerts import recording, rules
from alerts.discovery import all_alerts
from alerts.tuning import AlertSettings, Intervals, tune
from testbed.node import exporter
from testbed.nvml import SimulatedNvml
from testbed.ports import free_port
from testbed.processes import Process
from testbed.servers import Prometheus
from testbed.sysfs import SimulatedSysfs
from testbed.waiting import wait_until
from tests.dashboards.reading import (
    ALL,
    RENDERED,
    annotation_queries,
    drawn,
    every_panel,
    substitute,
    variable_queries,
    variables,
)

pytestmark = pytest.mark.cluster

SECOND = timedelta(seconds=1)
CHOSEN = {**ALL, "__rate_interval": "10s"}
ONE_GPU = {**CHOSEN, "gpu": "(0|3)", "device": "(mlx5_0|mlx5_2)"}
LOST, DAMAGED = 3, 5

OPTIONAL_COLUMNS = {"cluster": "a Prometheus of one cluster has no such label"}
EMPTY: Mapping[str, str] = {}
"""Queries that return nothing here, by dashboard, panel and letter, each with its reason."""


def series(prometheus: Prometheus, target: Mapping[str, Any], chosen: Mapping[str, str]) -> Any:
    """Ask as Grafana asks for this target: for now, or for the last half minute."""
    expr = substitute(target["expr"], chosen)
    if target["instant"]:
        return prometheus.query(expr)
    now = time.time()
    asked = urlencode({"query": expr, "start": now - 30, "end": now, "step": 1})
    return prometheus.get(f"/api/v1/query_range?{asked}")["result"]


def targets() -> Iterator[tuple[str, dict[str, Any]]]:
    for name, panel in every_panel():
        for target in panel["targets"]:
            yield f"{name}: {panel['title']} [{target['refId']}]", target


def unanswered(prometheus: Prometheus, chosen: Mapping[str, str]) -> set[str]:
    return {where for where, target in targets() if not series(prometheus, target, chosen)}


def write_rules(folder: Path) -> Path:
    """Write the rendered rules, with one second for the scrape interval and no holding back."""
    intervals = Intervals(scrape=SECOND, evaluation=SECOND)
    at_once = AlertSettings(hold=timedelta(0))
    tuned = [tune(alert, at_once) for alert in all_alerts()]
    groups = [
        recording.group(intervals),
        *(rules.group(alert, intervals, "https://runbooks/{alert}") for alert in tuned),
    ]
    path = folder / "rules.yaml"
    path.write_text(yaml.safe_dump({"groups": groups}), encoding="utf-8")
    return path


def configuration(ports: Mapping[str, int]) -> str:
    static = [
        {"targets": [f"127.0.0.1:{port}"], "labels": {"node": node, "instance": node}}
        for node, port in ports.items()
    ]
    job = {"job_name": "railwatch-exporter", "honor_labels": True, "static_configs": static}
    every = {"scrape_interval": "1s", "evaluation_interval": "1s"}
    return yaml.safe_dump({"global": every, "scrape_configs": [job]})


@pytest.fixture(scope="module")
def prometheus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    """A Prometheus that has seen a node work, break, and be judged."""
    with ExitStack() as stack:
        nvml = stack.enter_context(SimulatedNvml(gpus=8))
        sysfs = stack.enter_context(SimulatedSysfs(ports=8))
        ports = {"gpu-1": free_port(), "gpu-2": free_port()}
        address = f"127.0.0.1:{ports['gpu-1']}"
        argv = [*exporter(nvml, sysfs), "--web.listen-address", address, "--interval", "1s"]
        stack.enter_context(Process(argv, name="exporter", env=nvml.environment))
        made = stack.enter_context(
            Prometheus(configuration(ports), rules=[write_rules(tmp_path_factory.mktemp("rules"))])
        )
        observed = 'count(railwatch:observed{node="gpu-1"} == 1) >= 10'
        wait_until(lambda: made.query(observed), within=60, what=observed)
        damage(nvml, sysfs)
        wait_until(
            lambda: unanswered(made, CHOSEN) <= set(EMPTY) and judged(made), within=60, every=1
        )
        yield made


def damage(nvml: SimulatedNvml, sysfs: SimulatedSysfs) -> None:
    nvml.lose(LOST)
    nvml.set(DAMAGED, ecc_uncorrected=2)
    sysfs.set_state("mlx5_2", 1, "DOWN")
    sysfs.set_counter("mlx5_2", 1, "link_downed", 1)


def judged(prometheus: Prometheus) -> bool:
    firing = 'ALERTS{alertstate="firing",node!=""}'
    names = {found["metric"]["alertname"] for found in prometheus.query(firing)}
    return {"GpuFellOffBus", "RdmaLinkDown", "ExporterDown"} <= names


def legend(text: str, labels: Mapping[str, str]) -> str:
    for name, value in labels.items():
        text = text.replace(f"{{{{{name}}}}}", value)
    return text


def figure(prometheus: Prometheus, dashboard: str, title: str) -> float:
    [panel] = [panel for panel in drawn(RENDERED[dashboard]) if panel["title"] == title]
    [target] = panel["targets"]
    return prometheus.value(substitute(target["expr"], CHOSEN))


def test_every_panel_has_data(prometheus: Prometheus) -> None:
    assert unanswered(prometheus, CHOSEN) == set(EMPTY)


def test_panels_have_data_for_several_chosen_devices(prometheus: Prometheus) -> None:
    assert unanswered(prometheus, ONE_GPU) == set(EMPTY)


def test_every_label_of_a_legend_is_on_every_series(prometheus: Prometheus) -> None:
    for where, target in targets():
        named = set(re.findall(r"\{\{(\w+)\}\}", target["legendFormat"]))
        for found in series(prometheus, target, CHOSEN):
            assert named <= set(found["metric"]), where


def test_series_of_a_chart_differ_in_their_legends(prometheus: Prometheus) -> None:
    for where, target in targets():
        if target["format"] == "table" or target["instant"]:
            continue
        found = [one["metric"] for one in series(prometheus, target, CHOSEN)]
        legends = [legend(target["legendFormat"], metric) for metric in found]
        assert len(set(legends)) == len(legends), where


def test_every_column_of_a_table_is_filled(prometheus: Prometheus) -> None:
    for name, panel in every_panel():
        if panel["type"] != "table":
            continue
        [chosen] = [t for t in panel["transformations"] if t["id"] == "filterFieldsByName"]
        filled = {
            label
            for target in panel["targets"]
            for found in series(prometheus, target, CHOSEN)
            for label in found["metric"]
        }
        wanted = {f for f in chosen["options"]["include"]["names"] if not f.startswith("Value")}
        assert wanted - filled <= set(OPTIONAL_COLUMNS), f"{name}: {panel['title']}"


def test_a_figure_is_one_number(prometheus: Prometheus) -> None:
    for name, panel in every_panel():
        if panel["type"] == "stat":
            for target in panel["targets"]:
                found = prometheus.query(substitute(target["expr"], CHOSEN))
                assert len(found) == 1, f"{name}: {panel['title']}"


def test_every_variable_has_values(prometheus: Prometheus) -> None:
    for where, selector, label in variable_queries():
        if label in OPTIONAL_COLUMNS:
            continue
        matching = urlencode({"match[]": substitute(selector, CHOSEN)})
        values = prometheus.get(f"/api/v1/label/{label}/values?{matching}")
        assert values, where


def test_annotations_mark_what_fires(prometheus: Prometheus) -> None:
    for asked in annotation_queries():
        assert prometheus.query(substitute(asked.expr, CHOSEN)), str(asked)


def test_states_are_numbers_that_the_timelines_name(prometheus: Prometheus) -> None:
    for name, panel in every_panel():
        if panel["type"] == "state-timeline":
            [mapping] = panel["fieldConfig"]["defaults"]["mappings"]
            for target in panel["targets"]:
                for found in series(prometheus, target, CHOSEN):
                    shown = {value for _, value in found["values"]}
                    assert shown <= set(mapping["options"]), f"{name}: {panel['title']}"


def test_the_timeline_shows_the_lost_gpu_as_lost(prometheus: Prometheus) -> None:
    [panel] = [panel for panel in drawn(RENDERED["node"]) if panel["title"] == "GPU state"]
    [mapping] = panel["fieldConfig"]["defaults"]["mappings"]

    found = prometheus.query(substitute(panel["targets"][0]["expr"], CHOSEN))

    states = {one["metric"]["gpu"]: mapping["options"][one["value"][1]]["text"] for one in found}
    assert states == {str(gpu): "lost" if gpu == LOST else "ok" for gpu in range(8)}


@pytest.mark.parametrize(
    ("dashboard", "title", "value"),
    [
        ("fleet", "Nodes", 2),
        ("fleet", "Exporters down", 1),
        ("fleet", "GPUs", 8),
        ("fleet", "GPUs not ok", 1),
        ("fleet", "RDMA ports down", 1),
        ("node", "Exporter heard", 1),
        ("node", "GPUs not ok", 1),
        ("node", "RDMA ports not active", 1),
    ],
)
def test_the_figures_tell_what_was_broken(
    prometheus: Prometheus, dashboard: str, title: str, value: float
) -> None:
    assert figure(prometheus, dashboard, title) == value


def test_open_faults_are_those_that_the_bridge_acts_on(prometheus: Prometheus) -> None:
    bridged = prometheus.value('count(ALERTS{alertstate="firing",condition!=""})')

    assert figure(prometheus, "fleet", "Open faults") == bridged >= 3
    assert figure(prometheus, "node", "Open faults") == bridged


def test_no_open_fault_is_0_where_rules_are_evaluated_and_nothing_elsewhere(
    prometheus: Prometheus,
) -> None:
    [panel] = [panel for panel in drawn(RENDERED["node"]) if panel["title"] == "Open faults"]
    expr = panel["targets"][0]["expr"].replace('condition!=""', 'condition="None"')

    assert prometheus.value(substitute(expr, CHOSEN)) == 0
    assert prometheus.query(substitute(expr, {**CHOSEN, "node": "gpu-9"})) == []


def test_the_variables_that_are_substituted_are_those_the_dashboards_have() -> None:
    names = {name for made in RENDERED.values() for name in variables(made)} - {"datasource"}

    assert names == set(ALL)
