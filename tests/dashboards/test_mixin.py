"""The Jsonnet mixin over rendered data: unchanged by default, adjustable by `_config`."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import _jsonnet
import pytest
import rjsonnet
import yaml

from render.mixin import config as rendered_with
from render.settings import Settings
from render.tree import files
from tests.dashboards.reading import RENDERED

SOURCES = Path(__file__).parents[2] / "jsonnet"
ALERTS = {
    "groups": [
        {
            "name": "gpu",
            "rules": [
                {
                    "alert": "GpuFellOffBus",
                    "expr": "x == 1",
                    "labels": {"severity": "critical", "verdict": "drain"},
                    "annotations": {"summary": "lost", "runbook_url": "https://rendered/one"},
                },
                {
                    "alert": "ExporterDown",
                    "expr": 'up{job="railwatch-exporter"} == 0',
                    "annotations": {"summary": "down"},
                },
            ],
        }
    ]
}
RULES = {"groups": [{"name": "observed", "rules": [{"record": "a:b", "expr": "up"}]}]}

EXPORTERS = r"job=\"railwatch-exporter\""
"""The exporters' selector as it stands in JSON."""

Evaluate = Callable[..., Any]


def in_rust(snippet: str, place: Path) -> Any:
    return json.loads(rjsonnet.evaluate_snippet("test", snippet, jpathdir=str(place)))


def in_cpp(snippet: str, place: Path) -> Any:
    return json.loads(_jsonnet.evaluate_snippet("test", snippet, jpathdir=[str(place)]))


INTERPRETERS = {"rjsonnet": in_rust, "jsonnet": in_cpp}


@pytest.fixture(scope="module")
def mixin(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with the mixin's sources around a few rules and the dashboards."""
    folder = tmp_path_factory.mktemp("mixin")
    (folder / "data").mkdir()
    for source in SOURCES.glob("*.libsonnet"):
        (folder / source.name).write_bytes(source.read_bytes())
    data = {
        "config": rendered_with("cluster"),
        "dashboards": RENDERED,
        "alerts": ALERTS,
        "rules": RULES,
    }
    for name, document in data.items():
        (folder / "data" / f"{name}.json").write_text(json.dumps(document), encoding="utf-8")
    return folder


@pytest.fixture(params=INTERPRETERS)
def evaluate(mixin: Path, request: pytest.FixtureRequest) -> Evaluate:
    """Return a function that evaluates Jsonnet about the mixin `m`, with `_config` overrides."""

    def evaluated(about: str, config: str = "{}") -> Any:
        snippet = f"local m = (import 'mixin.libsonnet') + {{ _config+:: {config} }}; {about}"
        return INTERPRETERS[request.param](snippet, mixin)

    return evaluated


def test_by_default_it_is_what_was_rendered(evaluate: Evaluate) -> None:
    assert evaluate("m.grafanaDashboards") == {f"{k}.json": v for k, v in RENDERED.items()}
    assert evaluate("m.prometheusAlerts") == ALERTS
    assert evaluate("m.prometheusRules") == RULES


@pytest.mark.parametrize("name", INTERPRETERS)
def test_it_renders_what_make_render_renders(tmp_path: Path, name: str) -> None:
    made = files(Settings())
    for path, content in made.items():
        if path.startswith("mixin/"):
            (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / path).write_bytes(content)

    shown = INTERPRETERS[name](
        "local m = import 'mixin.libsonnet';"
        "[m.grafanaDashboards, m.prometheusAlerts.groups + m.prometheusRules.groups]",
        tmp_path / "mixin",
    )

    dashboards, groups = shown
    assert dashboards == {
        path.rpartition("/")[2]: json.loads(content)
        for path, content in made.items()
        if path.startswith("grafana/dashboards/")
    }
    rendered = [
        group
        for path, content in made.items()
        if path.startswith("prometheus/rules/")
        for group in yaml.load(content, Loader=yaml.CSafeLoader)["groups"]
    ]
    assert {each["name"]: each for each in groups} == {each["name"]: each for each in rendered}


def test_its_fields_are_hidden_as_mixin_tools_expect(evaluate: Evaluate) -> None:
    assert evaluate("m") == {}
    assert set(evaluate("std.objectFieldsAll(m)")) == {
        "_config",
        "grafanaDashboards",
        "prometheusAlerts",
        "prometheusRules",
    }


def test_a_runbook_pattern_replaces_every_runbook_url(evaluate: Evaluate) -> None:
    made = evaluate("m.prometheusAlerts", "{ runbookURLPattern: 'https://books/%s.md' }")

    urls = [rule["annotations"]["runbook_url"] for rule in made["groups"][0]["rules"]]
    assert urls == ["https://books/GpuFellOffBus.md", "https://books/ExporterDown.md"]


def test_a_selector_replaces_the_rendered_one_wherever_it_stands(evaluate: Evaluate) -> None:
    name = next(name for name, each in RENDERED.items() if EXPORTERS in json.dumps(each))
    about = f"[m.prometheusAlerts, m.prometheusRules, m.grafanaDashboards['{name}.json']]"

    alerts, rules, dashboard = evaluate(about, """{ exporterSelector: 'job="gpu"' }""")

    assert alerts["groups"][0]["rules"][1]["expr"] == 'up{job="gpu"} == 0'
    assert rules == RULES
    changed = json.dumps(RENDERED[name]).replace(EXPORTERS, r"job=\"gpu\"")
    assert dashboard == json.loads(changed)


def test_the_config_tells_the_cluster_label_and_how_to_change_it(evaluate: Evaluate) -> None:
    assert evaluate("m._config.clusterLabel") == "cluster"
    with pytest.raises(RuntimeError, match=r"render\.toml"):
        evaluate("m.prometheusAlerts", "{ clusterLabel: 'site' }")


def test_an_alert_can_be_left_out(evaluate: Evaluate) -> None:
    made = evaluate("m.prometheusAlerts", "{ disabledAlerts: ['ExporterDown'] }")

    assert [rule["alert"] for rule in made["groups"][0]["rules"]] == ["GpuFellOffBus"]


def test_an_override_is_laid_over_one_alert(evaluate: Evaluate) -> None:
    override = "{ GpuFellOffBus: { 'for': '2m', labels: { severity: 'warning', verdict: null } } }"

    made = evaluate("m.prometheusAlerts", f"{{ alertOverrides: {override} }}")

    changed, other = made["groups"][0]["rules"]
    assert changed["for"] == "2m"
    assert changed["labels"] == {"severity": "warning"}
    assert changed["annotations"]["summary"] == "lost"
    assert other == ALERTS["groups"][0]["rules"][1]


@pytest.mark.parametrize(
    "setting", ["disabledAlerts: ['GpuFell']", "alertOverrides: {GpuFell: {}}"]
)
def test_a_misspelt_alert_is_refused_by_name(evaluate: Evaluate, setting: str) -> None:
    name = setting.partition(":")[0]

    with pytest.raises(RuntimeError, match=rf"_config\.{name}: there is no alert GpuFell"):
        evaluate("m.prometheusAlerts", f"{{ {setting} }}")


def test_tags_and_refresh_change_on_every_dashboard_and_in_the_links_between_them(
    evaluate: Evaluate,
) -> None:
    made = evaluate("m.grafanaDashboards", "{ dashboardTags: ['ai'], dashboardRefresh: '1m' }")

    for dashboard in made.values():
        assert (dashboard["tags"], dashboard["refresh"]) == (["ai"], "1m")
        assert [link["tags"] for link in dashboard["links"]] == [["ai"]]


def test_an_importing_mixin_can_add_its_own_beside_ours(evaluate: Evaluate) -> None:
    snippet = "m.prometheusAlerts + { groups+: [{ name: 'own', rules: [] }] }"

    assert [group["name"] for group in evaluate(snippet)["groups"]] == ["gpu", "own"]


@pytest.mark.parametrize("source", sorted(SOURCES.glob("*.libsonnet")), ids=lambda p: p.name)
def test_it_holds_no_metric_name(source: Path) -> None:
    text = source.read_text(encoding="utf-8")

    assert not re.findall(r"railwatch[_:][a-z]|\bup\b|ALERTS\b", text)
