"""The Jsonnet mixin over rendered data: unchanged by default, adjustable by `_config`."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import rjsonnet

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
                {"alert": "ExporterDown", "expr": "up == 0", "annotations": {"summary": "down"}},
            ],
        }
    ]
}
RULES = {"groups": [{"name": "observed", "rules": [{"record": "a:b", "expr": "up"}]}]}

Evaluate = Callable[..., Any]


@pytest.fixture
def evaluate(tmp_path: Path) -> Evaluate:
    """Return a function that evaluates Jsonnet about the mixin `m`, with `_config` overrides."""
    (tmp_path / "data").mkdir()
    for source in SOURCES.glob("*.libsonnet"):
        (tmp_path / source.name).write_bytes(source.read_bytes())
    data = {"dashboards": RENDERED, "alerts": ALERTS, "rules": RULES}
    for name, document in data.items():
        (tmp_path / "data" / f"{name}.json").write_text(json.dumps(document), encoding="utf-8")

    def evaluated(about: str, config: str = "{}") -> Any:
        snippet = f"local m = (import 'mixin.libsonnet') + {{ _config+:: {config} }}; {about}"
        return json.loads(rjsonnet.evaluate_snippet("test", snippet, jpathdir=str(tmp_path)))

    return evaluated


def test_by_default_it_is_what_was_rendered(evaluate: Evaluate) -> None:
    assert evaluate("m.grafanaDashboards") == {f"{k}.json": v for k, v in RENDERED.items()}
    assert evaluate("m.prometheusAlerts") == ALERTS
    assert evaluate("m.prometheusRules") == RULES


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
