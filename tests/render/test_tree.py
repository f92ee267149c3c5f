import hashlib
import json
import subprocess
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pytest
import rjsonnet
import yaml

from alerts.scrape import ScrapeSettings
from render.settings import AlertmanagerSettings, Settings, load
from render.tree import files
from render.writing import MANIFEST, write
from testbed.tools import ensure

KINDS = (
    "recording",
    "exporter_down",
    "gpu_fell_off_bus",
    "gpu_memory_uncorrectable",
    "gpu_missing",
    "gpu_thermal_throttle",
    "rdma_fec_uncorrectable",
    "rdma_link_down",
    "rdma_link_flapping",
    "fabric_leaf_down",
    "uplink_lossy",
)
"""An alert of each kind: of a node, a GPU, a port, a place; of states, events, counters, rates."""


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a tree rendered with the default settings."""
    folder = tmp_path_factory.mktemp("render")
    write(folder, files(Settings()))
    return folder


def run(tool: str, *arguments: object) -> str:
    """Return what a tool prints; fail with it where the tool does."""
    done = subprocess.run(
        [ensure(tool)[tool], *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def document(out: Path, path: str) -> Any:
    return yaml.safe_load((out / path).read_text(encoding="utf-8"))


def test_it_is_the_same_bytes_each_time() -> None:
    assert files(Settings()) == files(Settings())


def test_the_manifest_lists_every_file_with_its_digest(out: Path) -> None:
    lines = (out / MANIFEST).read_text(encoding="utf-8").splitlines()
    listed = {path: digest for digest, path in (line.split("  ") for line in lines)}

    assert listed == {
        str(path.relative_to(out)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in out.rglob("*")
        if path.is_file() and path.name != MANIFEST
    }


def test_it_has_the_shape_that_was_promised(out: Path) -> None:
    folders = {str(path.relative_to(out)).rpartition("/")[0] for path in out.rglob("*.*")}

    assert folders >= {
        "prometheus", "prometheus/rules/shard", "prometheus/rules/global", "prometheus/tests",
        "alertmanager", "bridge",
        "grafana/alerting", "grafana/dashboards", "grafana/import", "grafana/provisioning",
        "kubernetes", "kubernetes/grafana-operator", "mixin",
    }  # fmt: skip


def test_every_yaml_file_says_where_it_is_from(out: Path) -> None:
    for path in out.rglob("*.yaml"):
        assert path.read_text(encoding="utf-8").startswith("# Rendered by railwatch-render;")


def test_promtool_finds_nothing_wrong_with_the_rules(out: Path) -> None:
    rules = sorted((out / "prometheus" / "rules").glob("*/*.yaml"))

    run("promtool", "check", "rules", "--lint", "all", "--lint-fatal", *rules)


def pint(out: Path, rules: Path) -> subprocess.CompletedProcess[str]:
    """Run every check that needs no live Prometheus, however mild its finding."""
    return subprocess.run(
        [ensure("pint")["pint"], "--no-color", "--show-duplicates", "--offline",
         "--config", out / "prometheus/pint.hcl",
         "lint", "--min-severity=info", "--fail-on=info", rules],
        capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip


def test_pint_finds_nothing_wrong_with_the_rules(out: Path) -> None:
    done = pint(out, out / "prometheus/rules")

    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("wrong", "check"),
    [
        ({"expr": "up"}, "alerts/comparison"),
        ({"expr": "sum(up) by (job) == 0"}, "alerts/template"),
        ({"annotations": {"summary": "x", "description": "x"}}, "alerts/annotation"),
        ({"labels": {"severity": "page"}}, "rule/label"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_pint_would_have_found_it(
    out: Path, tmp_path: Path, wrong: dict[str, Any], check: str
) -> None:
    path = "prometheus/rules/shard/exporter_down.yaml"
    (group,) = document(out, path)["groups"]
    group["rules"][0] |= wrong
    rules = tmp_path / "rules.yaml"
    rules.write_text(yaml.safe_dump({"groups": [group]}), encoding="utf-8")

    done = pint(out, rules)

    assert done.returncode != 0
    assert f"({check})" in done.stderr


@pytest.mark.parametrize(
    "scrape",
    [ScrapeSettings(), ScrapeSettings(discovery="file", files=("/etc/targets/*.yaml",))],
    ids=["kubernetes", "file"],
)
def test_prometheus_takes_the_scrape_configuration(tmp_path: Path, scrape: ScrapeSettings) -> None:
    write(tmp_path, files(Settings(scrape=scrape)))
    config = tmp_path / "prometheus.yaml"
    config.write_text(
        "scrape_config_files: [prometheus/scrape.yaml]\n"
        "rule_files: [prometheus/rules/shard/*.yaml, prometheus/rules/global/*.yaml]\n",
        encoding="utf-8",
    )

    assert "rule files found" in run("promtool", "check", "config", "--lint", "all", config)


@pytest.mark.parametrize(
    ("scrape", "evaluation"),
    [("1s", "1m"), ("5s", "30s"), ("30s", "15s"), ("1m", "1m"), ("1m", "7s")],
)
def test_other_intervals_keep_every_unit_test_passing(
    tmp_path: Path, scrape: str, evaluation: str
) -> None:
    config = tmp_path / "render.toml"
    config.write_text(
        f'[prometheus]\nscrape_interval = "{scrape}"\nevaluation_interval = "{evaluation}"\n',
        encoding="utf-8",
    )
    write(tmp_path / "out", files(load(config)))

    run("promtool", "test", "rules", *some_tests(tmp_path))


def some_tests(folder: Path) -> list[Path]:
    """Return the unit tests of an alert of each kind: all of them, each time, take too long."""
    return [folder / f"out/prometheus/tests/{name}.yaml" for name in KINDS]


def test_short_windows_keep_every_unit_test_passing(tmp_path: Path) -> None:
    config = tmp_path / "render.toml"
    config.write_text(
        """
        [prometheus]
        scrape_interval = "5s"
        evaluation_interval = "2s"
        [bridge]
        soak_scale = 0.025
        [alerts.RdmaLinkDown]
        for = "0s"
        soak = "15s"
        [alerts.RdmaDeviceMissing]
        soak = "15s"
        [alerts.FabricLeafDown]
        soak = "15s"
        [alerts.RdmaLinkFlapping.thresholds]
        window = "10m"
        [alerts.ExporterDown]
        for = "10s"
        """,
        encoding="utf-8",
    )
    write(tmp_path / "out", files(load(config)))

    run("promtool", "test", "rules", *some_tests(tmp_path))


def test_alertmanager_takes_its_configuration(out: Path) -> None:
    run("amtool", "check-config", out / "alertmanager" / "alertmanager.yaml")


def test_the_routes_to_merge_are_those_of_the_complete_configuration(out: Path) -> None:
    lists = document(out, "alertmanager/routes.yaml")
    complete = document(out, "alertmanager/alertmanager.yaml")

    assert complete["route"]["routes"] == lists["routes"] + lists["last_routes"]
    assert complete["inhibit_rules"] == lists["inhibit_rules"]
    assert [each for each in complete["receivers"] if each in lists["receivers"]] == lists[
        "receivers"
    ]


def test_a_secret_in_the_settings_stays_in_alertmanagers_files() -> None:
    people = {"slack_configs": [{"api_url": "https://hooks.example/secret", "channel": "#x"}]}

    made = files(Settings(alertmanager=AlertmanagerSettings(people=people)))

    holders = {path for path, content in made.items() if b"hooks.example/secret" in content}
    assert holders == {"alertmanager/alertmanager.yaml", "alertmanager/routes.yaml"}


def test_the_kustomization_names_every_object(out: Path) -> None:
    for folder in (out / "kubernetes", out / "kubernetes/grafana-operator"):
        there = {path.name for path in folder.glob("*.yaml")} - {"kustomization.yaml"}

        assert set(document(folder, "kustomization.yaml")["resources"]) == there


def test_the_prometheus_rule_holds_the_same_groups_as_the_rule_files(out: Path) -> None:
    groups = judged(out)
    paths = (out / "prometheus" / "rules").glob("*/*.yaml")

    assert {group["name"]: group for group in groups} == {
        group["name"]: group
        for path in paths
        for group in yaml.safe_load(path.read_text(encoding="utf-8"))["groups"]
    }


def test_the_config_map_holds_the_bridges_proofs_byte_for_byte(out: Path) -> None:
    proofs = document(out, "kubernetes/proofs.yaml")["data"]["proofs.yaml"]

    assert proofs == (out / "bridge" / "proofs.yaml").read_text(encoding="utf-8")


def test_the_config_maps_hold_the_provisioned_dashboards(out: Path) -> None:
    maps = {path.stem: path for path in (out / "kubernetes").glob("dashboard-*.yaml")}

    assert maps
    for path in maps.values():
        loaded = yaml.safe_load(path.read_text(encoding="utf-8"))
        ((name, text),) = loaded["data"].items()
        stem = name.removeprefix("railwatch-")
        assert json.loads(text) == json.loads((out / "grafana/dashboards" / stem).read_bytes())
        assert loaded["metadata"]["labels"]["grafana_dashboard"] == "1"


def test_the_pod_monitor_labels_targets_as_the_scrape_configuration_does(out: Path) -> None:
    job = document(out, "prometheus/scrape.yaml")["scrape_configs"][0]
    endpoint = document(out, "kubernetes/podmonitor.yaml")["spec"]["podMetricsEndpoints"][0]

    assert endpoint["honorLabels"] is job["honor_labels"] is True
    assert endpoint["interval"] == job["scrape_interval"]
    assert targets(endpoint["relabelings"], "targetLabel", "sourceLabels") == {
        **targets(job["relabel_configs"], "target_label", "source_labels"),
        "job": None,
    }


def targets(rules: list[Mapping[str, Any]], target: str, source: str) -> dict[str, Any]:
    return {rule[target]: rule.get(source) for rule in rules if target in rule}


def test_labels_that_select_our_objects_stand_on_every_one(tmp_path: Path) -> None:
    config = tmp_path / "render.toml"
    config.write_text('[kubernetes.labels]\nrelease = "prom"\n', encoding="utf-8")

    made = files(load(config))

    for path, content in made.items():
        if path.startswith("kubernetes/") and "kustomization" not in path:
            assert yaml.safe_load(content)["metadata"]["labels"]["release"] == "prom"


def test_the_mixin_holds_what_the_rule_files_hold(out: Path) -> None:
    snippet = "local m = import 'mixin.libsonnet'; [m.prometheusRules, m.prometheusAlerts]"

    shown = json.loads(rjsonnet.evaluate_snippet("test", snippet, jpathdir=str(out / "mixin")))

    assert named(group for each in shown for group in each["groups"]) == named(judged(out))


def named(groups: Iterable[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    return {group["name"]: group for group in groups}


def judged(out: Path) -> list[dict[str, Any]]:
    """Return the groups of both objects: what a shard judges, and what the global view does."""
    return [
        group
        for view in ("shard", "global")
        for group in document(out, f"kubernetes/prometheusrule-{view}.yaml")["spec"]["groups"]
    ]


def test_a_shard_is_given_what_it_can_judge_and_the_global_view_the_rest(out: Path) -> None:
    shard = {path.stem for path in (out / "prometheus/rules/shard").glob("*.yaml")}
    whole = {path.stem for path in (out / "prometheus/rules/global").glob("*.yaml")}

    assert {"recording", "gpu_fell_off_bus", "rdma_link_down"} <= shard
    assert {"compared_clocks", "gpu_straggler", "fabric_leaf_down", "uplink_down"} <= whole
    assert not shard & whole
    objects = [
        document(out, f"kubernetes/prometheusrule-{view}.yaml") for view in ("shard", "global")
    ]
    assert [each["metadata"]["labels"]["railwatch.io/view"] for each in objects] == [
        "shard",
        "global",
    ]
