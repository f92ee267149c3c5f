"""The recording rules of dashboards, objectives and cost, as promtool sees them."""

import re
from pathlib import Path

import pytest

from alerts.recorded import GLOBAL, SHARD, Objectives, RecordingSettings, groups
from alerts.recorded.cases import CASES
from alerts.tuning import Intervals
from catalog.fleet import RECORDED, Recorded
from render.reading import SettingsError
from render.settings import Settings, load
from tests.alerts.promtool import rendered, run

PRICED = Settings(prices={"h100.8x": 3.9, "unknown": 2.0}, teams={"ml": "vision"})
RULES = [rule for _, group in groups(PRICED.recording, Intervals()) for rule in group["rules"]]
SUBJECTS = sorted(SHARD | GLOBAL)


def test_every_subject_has_unit_tests() -> None:
    assert set(CASES) == set(SUBJECTS)


@pytest.mark.parametrize("subject", SUBJECTS)
def test_the_unit_tests_pass(tmp_path: Path, subject: str) -> None:
    done = run("test", "rules", rendered(tmp_path, PRICED) / "tests" / f"recording_{subject}.yaml")

    assert done.returncode == 0, done.stdout + done.stderr


def test_what_is_recorded_is_what_the_catalogue_tells() -> None:
    assert {rule["record"] for rule in RULES} == {metric.name for metric in RECORDED}


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule["record"])
def test_a_rule_keeps_the_labels_of_its_series_and_clusters_apart(rule: dict[str, str]) -> None:
    [metric] = [each for each in RECORDED if each.name == rule["record"]]

    for kept in re.findall(r"^(?:sum|count) by \(([^)]*)\)", rule["expr"]):
        names = set(kept.split(", "))
        assert "cluster" in names
        assert names | set(rule.get("labels", {})) - {"cluster"} >= set(metric.labels) - {"use"}


def test_each_burn_rate_looks_as_far_back_as_it_says() -> None:
    burns = [rule for rule in RULES if rule["record"] == "railwatch:slo_burn_rate"]

    for rule in burns:
        assert f"[{rule['labels']['window']}]" in rule["expr"]
        assert f'slo="{rule["labels"]["slo"]}"' in rule["expr"]
    assert len(burns) == 14


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ('state!~"ok|not_managed"', 'state!~"not_managed"'),
        ('verdict=~"cordon|drain",uuid!=""', 'verdict=~"avoid|cordon|drain",uuid!=""'),
        ("> 0.05", "> 0.95"),
        ("railwatch_gpu_mig_info", "railwatch_gpu_mig_mode"),
        ("unless on (cluster, node, uuid) railwatch:gpu_lost", ""),
    ],
)
def test_a_rule_of_use_that_is_changed_fails_its_unit_tests(
    tmp_path: Path, before: str, after: str
) -> None:
    folder = rendered(tmp_path, PRICED)
    path = folder / "rules" / "shard" / "recording_use.yaml"
    text = path.read_text(encoding="utf-8")
    assert before in text

    path.write_text(text.replace(before, after), encoding="utf-8")

    assert run("test", "rules", folder / "tests" / "recording_use.yaml").returncode != 0


def test_without_prices_nothing_is_recorded_of_cost() -> None:
    assert "cost" not in dict(groups(RecordingSettings(), Intervals()))


def test_the_cluster_label_is_the_users() -> None:
    made = str(list(groups(RecordingSettings(cluster_label="k8s"), Intervals())))

    assert "(k8s" in made
    assert "(cluster" not in made


def test_a_recorded_series_does_not_look_like_an_exporters() -> None:
    with pytest.raises(ValueError, match="begins with railwatch:"):
        Recorded(name="railwatch_x", kind=RECORDED[0].kind, unit="", labels=(), help="", source="")


def test_an_objective_without_room_for_errors_is_refused() -> None:
    with pytest.raises(ValueError, match="goodput: must be"):
        Objectives(goodput=1)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("[slo]\ntelemetry = 1.5", r"slo\.telemetry: must be more than 0"),
        ("[prices]\np5 = -1", r"prices\.p5: must not be negative"),
        ("[prices]\np5 = 'dear'", r"prices\.p5: must be a number"),
    ],
)
def test_settings_that_make_no_sense_are_refused_by_name(
    tmp_path: Path, text: str, complaint: str
) -> None:
    path = tmp_path / "render.toml"
    path.write_text(text, encoding="utf-8")

    with pytest.raises(SettingsError, match=complaint):
        load(path)
