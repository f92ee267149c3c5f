"""Every query of every panel, variable, annotation and proof, asked of a real Prometheus.

It scrapes the real exporter on simulated hardware, of which some is broken, a second node's
exporter that does not answer, and a page on which a made-up fleet stands for what no test machine
has: test_showcase.py holds its names and labels to what the real programs expose. All is judged by
the rules as they are rendered.
"""

import re
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from functools import partial
from typing import Any
from urllib.parse import urlencode

import pytest

from testbed.node import exporter
from testbed.nvml import SimulatedNvml
from testbed.ports import free_port
from testbed.processes import Process
from testbed.servers import Prometheus
from testbed.sysfs import SimulatedSysfs
from testbed.waiting import until_true, wait_until
from tests.dashboards.judging import FAULTS, configuration, proven_of, write_rules
from tests.dashboards.page import served
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

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(900)]
"""The rules are many, and are evaluated every other second."""

CHOSEN = {**ALL, "__rate_interval": "20s"}
ONE_GPU = {**CHOSEN, "gpu": "(0|3|5)", "device": "(mlx5_0|mlx5_2)"}
REAL = {**CHOSEN, "cluster": "real"}
LOST, DAMAGED, LINKED = 3, 5, 6
FAST = "mlx5_7"
"""A port so fast that the windows of its bit error ratio, hours else, are full in seconds."""
MADE_UP = {"gpu": {"node": "gpu-02"}}
"""Dashboards that show a node of the made-up fleet, as the real one's kubelet is not asked."""

OPTIONAL_COLUMNS = {
    "cluster": "a Prometheus of one cluster has no such label",
    "mig": "empty for a whole GPU",
    "device": "no alert on these nodes names an RDMA device",
}
EMPTY: Mapping[str, str] = {
    "components: Restarts [A]": "no container was started again in this part of the story",
    "gpu: Xid errors [A]": "the GPUs that are shown have none; the node's dashboard has the same",
}
"""Queries that return nothing here, by dashboard, panel and letter, each with its reason."""
GPU_MISSING = "GpuMissing"
_NO_SOCKET = "asks the kernel's network interface, which has no simulation below a process"
UNPROVEN: Mapping[str, str] = {
    GPU_MISSING: "proven while all of the node's GPUs are there, before one is lost",
    "AcceleratorsUnverified": "its soak is ten minutes, whatever is set for the others",
    "RdmaFecUncorrectable": _NO_SOCKET,
    "RdmaPauseStorm": _NO_SOCKET,
    "RdmaPcieStalled": _NO_SOCKET,
    "RdmaPfcStorm": _NO_SOCKET,
}
"""Faults of which nothing is proven healthy here, each with its reason; promtool proves them."""


def series(prometheus: Prometheus, target: Mapping[str, Any], chosen: Mapping[str, str]) -> Any:
    """Ask as Grafana asks for this target: for now, or for the last half minute."""
    dashboard = next(n for n, p in every_panel() if any(t is target for t in p["targets"]))
    expr = substitute(target["expr"], {**chosen, **MADE_UP.get(dashboard, {})})
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


@pytest.fixture(scope="module")
def prometheus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    """A Prometheus that has seen a node work, break, and be judged."""
    with ExitStack() as stack:
        nvml = stack.enter_context(SimulatedNvml(gpus=8, profile="B200"))
        sysfs = stack.enter_context(SimulatedSysfs(ports=8))
        nvml.set(LINKED, c2c_links=2, c2c_active=2, c2c_bandwidth=100)
        sysfs.write(f"class/infiniband/{FAST}/ports/1/rate", "400000 Gb/sec (4X NDR)")
        inventory = tmp_path_factory.mktemp("inventory") / "inventory.yaml"
        inventory.write_text("nodes: [{hostname: '*', gpus: 8, rdma_ports: 8}]\n")
        ports = {"gpu-1": free_port(), "gpu-2": free_port()}
        address = f"127.0.0.1:{ports['gpu-1']}"
        argv = [*exporter(nvml, sysfs), "--web.listen-address", address, "--interval", "1s"]
        argv += ["--inventory.file", str(inventory)]
        stack.enter_context(Process(argv, name="exporter", env=nvml.environment))
        page = stack.enter_context(served())
        rules = write_rules(tmp_path_factory.mktemp("rules"))
        made = stack.enter_context(Prometheus(configuration(ports, page), rules=rules))
        observed = 'count(railwatch:observed{node="gpu-1"} == 1) >= 10'
        wait_until(lambda: made.query(observed), within=240, what=observed)
        wait_until(lambda: GPU_MISSING in proven_of(made), within=240, every=1, what=GPU_MISSING)
        damage(nvml, sysfs)
        wait_until(
            lambda: judged(made) and recorded(made) and unanswered(made, CHOSEN) <= set(EMPTY),
            within=240,
            every=1,
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


def recorded(prometheus: Prometheus) -> bool:
    """Whether the last of the rules that build on each other has recorded something."""
    last = ("railwatch:gpu_spend_per_hour", "railwatch:slo_burn_rate", "railwatch:line_used:ratio")
    return all(prometheus.query(name) for name in last)


def legend(text: str, labels: Mapping[str, str]) -> str:
    for name, value in labels.items():
        text = text.replace(f"{{{{{name}}}}}", value)
    return text


def figure(prometheus: Prometheus, dashboard: str, title: str) -> float:
    [panel] = [panel for panel in drawn(RENDERED[dashboard]) if panel["title"] == title]
    [target] = panel["targets"]
    return prometheus.value(substitute(target["expr"], REAL))


@pytest.mark.parametrize("chosen", [CHOSEN, ONE_GPU], ids=["all", "several chosen devices"])
def test_every_panel_has_data(prometheus: Prometheus, chosen: Mapping[str, str]) -> None:
    def answered() -> None:
        assert unanswered(prometheus, chosen) == set(EMPTY)

    until_true(answered)


def test_every_label_of_a_legend_is_on_every_series(prometheus: Prometheus) -> None:
    for where, target in targets():
        named = set(re.findall(r"\{\{(\w+)\}\}", target["legendFormat"]))
        for found in series(prometheus, target, CHOSEN):
            assert named - {"mig"} <= set(found["metric"]), where


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
        wanted = {f for f in chosen["options"]["include"]["names"] if not f.startswith("Value")}
        until_true(partial(fills, prometheus, panel, wanted - set(OPTIONAL_COLUMNS), name))


def fills(prometheus: Prometheus, panel: Mapping[str, Any], wanted: set[str], where: str) -> None:
    filled = {
        label
        for target in panel["targets"]
        for found in series(prometheus, target, CHOSEN)
        for label in found["metric"]
    }
    assert wanted <= filled, f"{where}: {panel['title']}"


def test_every_rule_evaluates(prometheus: Prometheus) -> None:
    def evaluated() -> None:
        rules = [r for group in prometheus.get("/api/v1/rules")["groups"] for r in group["rules"]]
        assert rules
        assert {r["name"]: r["lastError"] for r in rules if r["health"] != "ok"} == {}

    until_true(evaluated)


def test_every_proof_is_given_for_what_is_healthy(prometheus: Prometheus) -> None:
    known = {fault["fault"] for fault in FAULTS}
    assert all("$selector" in fault["query"] for fault in FAULTS)

    def proven() -> None:
        assert known - proven_of(prometheus) == set(UNPROVEN)

    until_true(proven, within=240, every=1)  # after a stall, all have to soak anew


def test_a_figure_is_one_number(prometheus: Prometheus) -> None:
    for name, panel in every_panel():
        if panel["type"] == "stat":
            for target in panel["targets"]:
                expr = substitute(target["expr"], CHOSEN)
                until_true(partial(is_one, prometheus, expr, f"{name}: {panel['title']}"))


def is_one(prometheus: Prometheus, expr: str, where: str) -> None:
    assert len(prometheus.query(expr)) == 1, where


def test_every_variable_has_values(prometheus: Prometheus) -> None:
    for where, selector, label in variable_queries():
        if label in OPTIONAL_COLUMNS:
            continue
        matching = urlencode({"match[]": substitute(selector, CHOSEN)})
        values = prometheus.get(f"/api/v1/label/{label}/values?{matching}")
        assert values, where


def test_annotations_mark_what_fires(prometheus: Prometheus) -> None:
    for asked in annotation_queries():
        wait_until(partial(prometheus.query, substitute(asked.expr, CHOSEN)), what=str(asked))


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

    def shown() -> None:
        found = prometheus.query(substitute(panel["targets"][0]["expr"], CHOSEN))
        states = {each["metric"]["gpu"]: mapping["options"][each["value"][1]] for each in found}
        told = {gpu: state["text"] for gpu, state in states.items()}
        assert told == {str(gpu): "lost" if gpu == LOST else "ok" for gpu in range(8)}

    until_true(shown)


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
    def told() -> None:
        assert figure(prometheus, dashboard, title) == value

    until_true(told)


def test_open_faults_are_those_that_the_bridge_acts_on(prometheus: Prometheus) -> None:
    [panel] = [p for p in drawn(RENDERED["fleet"]) if p["title"] == "Open faults"]

    def agree() -> None:
        bridged = prometheus.value('count(ALERTS{alertstate="firing",condition!=""})')
        shown = prometheus.value(substitute(panel["targets"][0]["expr"], CHOSEN))
        assert shown == pytest.approx(bridged, abs=2), "evaluated one after the other"
        assert shown >= 3

    until_true(agree)


def test_no_open_fault_is_0_where_rules_are_evaluated_and_nothing_elsewhere(
    prometheus: Prometheus,
) -> None:
    [panel] = [panel for panel in drawn(RENDERED["node"]) if panel["title"] == "Open faults"]
    expr = panel["targets"][0]["expr"].replace('condition!=""', 'condition="None"')

    wait_until(lambda: prometheus.value(substitute(expr, CHOSEN)) == 0)
    assert prometheus.query(substitute(expr, {**CHOSEN, "node": "gpu-9"})) == []


def test_the_variables_that_are_substituted_are_those_the_dashboards_have() -> None:
    names = {name for made in RENDERED.values() for name in variables(made)} - {"datasource"}

    assert names == set(ALL)
