"""Rules that every dashboard keeps, as Grafana's dashboard-linter has them and beyond."""

import itertools
import json
import re
from pathlib import Path
from typing import Any

import pytest
from grafanalib import formatunits

import dashboards
from catalog.registry import by_name
from dashboards.model import Unit
from tests.dashboards.reading import RENDERED, drawn, every_panel, variables

NAMES = sorted(RENDERED)
PANELS = every_panel()
TITLES = [f"{name}: {panel['title']}" for name, panel in PANELS]
SOURCES = sorted(Path(dashboards.__file__).parent.rglob("*.py"))
DATASOURCE = {"type": "prometheus", "uid": "${datasource}"}

each_dashboard = pytest.mark.parametrize("name", NAMES)
each_panel = pytest.mark.parametrize(("name", "panel"), PANELS, ids=TITLES)


def test_the_dashboards_of_the_distribution_are_found() -> None:
    assert NAMES == [
        "components", "cost", "fabric", "fleet", "gpu", "health", "images", "node", "railwatch",
        "scheduler", "serving", "storage", "uplink", "workload",
    ]  # fmt: skip


def test_rendering_twice_gives_the_same_bytes() -> None:
    again = dashboards.all_dashboards()

    assert json.dumps(again) == json.dumps(RENDERED)


def test_each_dashboard_has_a_uid_of_its_own_that_grafana_accepts() -> None:
    uids = [made["uid"] for made in RENDERED.values()]

    assert len(set(uids)) == len(uids)
    for uid in uids:
        assert re.fullmatch(r"[a-zA-Z0-9_-]{1,40}", uid)


@each_dashboard
def test_the_data_source_is_chosen_by_a_variable(name: str) -> None:
    chosen = variables(RENDERED[name])["datasource"]

    assert chosen["type"] == "datasource"
    assert chosen["query"] == "prometheus"
    assert chosen["label"]


@each_dashboard
def test_variables_reload_with_the_time_range_and_come_from_the_chosen_data_source(
    name: str,
) -> None:
    for variable in variables(RENDERED[name]).values():
        if variable["type"] == "query":
            assert variable["datasource"] == DATASOURCE
            assert variable["refresh"] == 2
            assert variable["definition"] == variable["query"]["query"]
            assert variable["includeAll"] == variable["multi"]
            assert not variable["includeAll"] or variable["allValue"] == ".*"


@each_dashboard
def test_a_variable_of_several_values_is_matched_by_regular_expression(name: str) -> None:
    made = RENDERED[name]
    exprs = [target["expr"] for panel in drawn(made) for target in panel["targets"]]

    for variable in variables(made).values():
        operator = "=~" if variable["multi"] else "="
        for expr in exprs:
            used = re.findall(rf'(=~|!~|!=|=)"[^"]*\${variable["name"]}\b', expr)
            assert set(used) <= {operator}


@each_dashboard
def test_every_variable_but_the_data_source_narrows_some_query(name: str) -> None:
    made = RENDERED[name]
    exprs = " ".join(target["expr"] for panel in drawn(made) for target in panel["targets"])

    for variable in variables(made):
        assert variable == "datasource" or f"${variable}" in exprs


@each_dashboard
def test_panels_have_ids_of_their_own(name: str) -> None:
    ids = [panel["id"] for panel in dashboards.exchange.panels(RENDERED[name])]

    assert len(set(ids)) == len(ids)
    assert all(isinstance(number, int) and number > 0 for number in ids)


@each_dashboard
def test_no_panel_overlaps_another_or_leaves_the_grid(name: str) -> None:
    taken: set[tuple[int, int]] = set()

    for panel in RENDERED[name]["panels"]:
        at = panel["gridPos"]
        assert 0 <= at["x"] < at["x"] + at["w"] <= 24
        cells = set(
            itertools.product(range(at["x"], at["x"] + at["w"]), range(at["y"], at["y"] + at["h"]))
        )
        assert not cells & taken
        taken |= cells


@each_dashboard
def test_titles_within_a_row_differ(name: str) -> None:
    row, seen = "", set[tuple[str, str]]()

    for panel in dashboards.exchange.panels(RENDERED[name]):
        if panel["type"] == "row":
            row = panel["title"]
            continue
        assert (row, panel["title"]) not in seen
        seen.add((row, panel["title"]))


@each_panel
def test_a_panel_explains_itself(name: str, panel: dict[str, Any]) -> None:
    assert panel["title"]
    assert re.fullmatch(r"[A-Z0-9].*\.", panel["description"])
    assert panel["fieldConfig"]["defaults"]["noValue"]


@each_panel
def test_a_panel_has_a_unit_that_grafana_knows(name: str, panel: dict[str, Any]) -> None:
    known = {value for key, value in vars(formatunits).items() if key.isupper()}

    overrides = panel["fieldConfig"]["overrides"]
    units = [p["value"] for o in overrides for p in o["properties"] if p["id"] == "unit"]
    assert {panel["fieldConfig"]["defaults"]["unit"], *units} <= known


@each_panel
def test_thresholds_begin_without_a_value_and_rise(name: str, panel: dict[str, Any]) -> None:
    steps = panel["fieldConfig"]["defaults"]["thresholds"]["steps"]

    assert steps[0]["value"] is None
    assert all(set(step) == {"color", "value"} for step in steps)
    values = [step["value"] for step in steps[1:]]
    assert values == sorted(set(values))


@each_panel
def test_a_panel_and_its_queries_ask_the_chosen_data_source(
    name: str, panel: dict[str, Any]
) -> None:
    assert panel["datasource"] == DATASOURCE
    assert panel["targets"]
    for target in panel["targets"]:
        assert target["datasource"] == DATASOURCE
        assert target["expr"]
        assert target["range"] is not target["instant"]
        assert target["format"] == ("table" if panel["type"] == "table" else "time_series")
    refs = [target["refId"] for target in panel["targets"]]
    assert len(set(refs)) == len(refs)


@each_panel
def test_a_panel_that_shows_a_metric_as_it_is_shows_it_in_its_unit(
    name: str, panel: dict[str, Any]
) -> None:
    by_base_unit = {
        "ratio": Unit.RATIO, "bytes": Unit.BYTES, "celsius": Unit.CELSIUS, "watts": Unit.WATTS,
        "seconds": Unit.SECONDS, "bytes_per_second": Unit.BYTES_PER_SECOND,
        "hertz": Unit.HERTZ,
    }  # fmt: skip
    known = by_name()

    for target in panel["targets"]:
        bare = re.fullmatch(r"(?:(?:sum|min|max|avg)\()?(\w+)\{[^}]*\}\)?", target["expr"])
        if bare and (unit := known[bare[1]].unit if bare[1] in known else ""):
            assert panel["fieldConfig"]["defaults"]["unit"] == by_base_unit[unit]


def test_links_between_dashboards_lead_to_dashboards_that_exist() -> None:
    text = json.dumps(RENDERED)
    uids = {made["uid"] for made in RENDERED.values()}

    linked = set(re.findall(r"/d/([\w-]+)", text))

    assert linked
    assert linked <= uids


def test_the_fleet_leads_to_the_node_and_takes_the_choices_along() -> None:
    links = re.findall(r'"url": "(/d/[^"]+)"', json.dumps(RENDERED["fleet"]))

    assert links
    for link in links:
        assert link == (
            "/d/railwatch-node?${datasource:queryparam}&${cluster:queryparam}"
            "&${__url_time_range}&var-node=${__value.raw}"
        )


@each_dashboard
def test_a_link_carries_and_sets_only_choices_that_both_ends_have(name: str) -> None:
    choices = {made["uid"]: variables(made) for made in RENDERED.values()}
    here = choices[RENDERED[name]["uid"]]

    for uid, query in re.findall(r'"/d/([\w-]+)\?([^"]*)"', json.dumps(RENDERED[name])):
        carried = set(re.findall(r"\$\{(\w+):queryparam\}", query))
        chosen = set(re.findall(r"var-(\w+)=", query))
        assert {"datasource", "cluster"} <= carried <= here.keys()
        assert carried | chosen <= choices[uid].keys()
        assert "${__url_time_range}" in query


def test_the_way_down_leads_from_the_fleet_to_the_node_its_gpu_and_who_holds_it() -> None:
    ways = {name: json.dumps(RENDERED[name]) for name in ("fleet", "node", "gpu", "workload")}

    assert "/d/railwatch-node?" in ways["fleet"]
    assert "&${node:queryparam}&var-gpu=${__value.raw}" in ways["node"]
    assert "/d/railwatch-workload?" in ways["gpu"]
    assert "&var-node=${__data.fields.Node}&var-gpu=${__value.raw}" in ways["workload"]


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.name)
def test_no_source_file_spells_a_metric_name(source: Path) -> None:
    assert not re.findall(r"railwatch[_:][a-z_]+", source.read_text(encoding="utf-8"))


def test_settings_change_every_dashboard_and_nothing_else_names_the_cluster_label() -> None:
    settings = dashboards.Settings(cluster_label="k8s", job="gpu-nodes", tags=("gpu",))

    for made in dashboards.all_dashboards(settings).values():
        text = json.dumps(made)
        assert made["tags"] == ["gpu"]
        assert 'k8s=~\\"$cluster\\"' in text
        assert "railwatch-exporter" not in text
        assert 'cluster=~\\"' not in text
        assert not re.search(r"(by|on) \(cluster\b", text)
