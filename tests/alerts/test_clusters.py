"""One Prometheus of several clusters, whose nodes have the same names: none speaks for another."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from alerts import clusters, proofs
from alerts.cases import document as cases_of
from alerts.cases import rule_files
from alerts.discovery import all_alerts, by_family, stem
from alerts.model import Alert
from alerts.promql import SELECTOR
from alerts.timeline import Phase, Step, Timeline
from alerts.tuning import expression
from alerts.ways import Case, Ways
from dashboards import Settings as DashboardSettings
from render.settings import Settings
from tests.alerts.promtool import INTERVALS, rendered, run

FIRES, PROVES = "fires for the faulty device", "proves the repaired device after the soak"
LISTS = re.compile(r"\b(?:by|on) \(([^)]*)\)")
FAMILIES = by_family()


def case(alert: Alert, name: str) -> Case:
    ways = Ways(alert=alert, intervals=INTERVALS).of(alert.scenarios[0])
    return next(each for each in ways if each.name.startswith(name))


def series(alert: Alert, cluster: str, steps: tuple[Step, ...]) -> Iterator[dict[str, str]]:
    """Yield a cluster's series, with the label as a target label."""
    timeline = Timeline(
        alert=alert, scenario=alert.scenarios[0], steps=steps, interval=INTERVALS.scrape
    )
    for each in timeline.input_series():
        yield each | {"series": each["series"].replace("{", f'{{cluster="{cluster}",', 1)}


def both(alert: Alert, steps: tuple[Step, ...], instead: Mapping[Phase, Phase]) -> dict[str, Any]:
    """Return a test in which the second cluster goes through other phases than the first.

    There the second device is well all along.
    """
    other = tuple(
        replace(step, phase=instead.get(step.phase, step.phase), other=Phase.HEALTHY)
        for step in steps
    )
    return {
        "name": alert.name,
        "interval": "15s",
        "input_series": [*series(alert, "a", steps), *series(alert, "b", other)],
    }


def sample(alert: Alert, names: Sequence[str], cluster: str, which: int) -> dict[str, Any]:
    place = alert.device.samples[which]
    shown = {"cluster": cluster} | {name: place[name] for name in names}
    told = ", ".join(f'{name}="{value}"' for name, value in shown.items())
    return {"labels": f"{{{told}}}", "value": 1}


def at(case: Case) -> str:
    return f"{case.checks[-1].scrape * 15}s"


def firing(alert: Alert) -> dict[str, Any]:
    way = case(alert, FIRES)
    names = alert.device.labels
    asked = f'ALERTS{{alertname="{alert.name}",alertstate="firing"}}'
    question = {
        "expr": f"group by ({', '.join(('cluster', *names))}) ({asked})",
        "eval_time": at(way),
        "exp_samples": [sample(alert, names, "a", 0)],
    }
    test = both(alert, way.steps, {Phase.FAULTY: Phase.HEALTHY})
    return test | {"promql_expr_test": [question]}


def proven(alert: Alert) -> dict[str, Any]:
    way = case(alert, PROVES)
    label = alert.device.identity if alert.device.is_wide else "node"
    values = {place[label] for place in alert.device.samples}
    asked = f'{label}=~"{"|".join(sorted(values))}"'
    question = {
        "expr": proofs.query(alert, INTERVALS).replace(SELECTOR, asked),
        "eval_time": at(way),
        "exp_samples": [
            sample(alert, alert.device.kept, "a", 0),
            sample(alert, alert.device.kept, "b", 1),
        ],
    }
    test = both(alert, way.steps, {Phase.RECOVERED: Phase.FAULTY})
    return test | {"promql_expr_test": [question]}


def complaints(out: Path, alerts: Sequence[Alert]) -> str:
    folder = rendered(out)
    paths = []
    for alert in alerts:
        tests = [firing(alert), *([proven(alert)] if alert.proof else [])]
        document = {
            "rule_files": [str(folder / path) for path in rule_files(alert)],
            "evaluation_interval": "15s",
            "tests": tests,
        }
        path = out / f"{stem(alert.name)}.yaml"
        path.write_text(yaml.safe_dump(document), encoding="utf-8")
        paths.append(path)
    done = run("test", "rules", *paths)
    return "" if done.returncode == 0 else done.stdout + done.stderr


@pytest.mark.parametrize("family", FAMILIES)
def test_a_fault_fires_and_a_repair_is_proven_in_its_own_cluster_only(
    tmp_path: Path, family: str
) -> None:
    alerts = [alert for alert in FAMILIES[family] if alert.scenarios]

    assert alerts
    assert complaints(tmp_path, alerts) == ""


def test_every_list_of_labels_begins_with_the_cluster() -> None:
    for alert in all_alerts():
        query = proofs.query(alert, INTERVALS) if alert.proof else ""
        for names in LISTS.findall(expression(alert) + query):
            assert re.split(r",\s*", names)[0] == "cluster", alert.name


def test_what_the_bridge_asks_for_names_the_cluster() -> None:
    document = proofs.document(all_alerts(), INTERVALS)

    for name in ("observed", "boot_time", "reset_time"):
        found = LISTS.findall(document[name])
        assert found
        assert all(names.startswith("cluster") for names in found), name


def test_a_cluster_label_of_another_name_is_the_alerts_cluster(tmp_path: Path) -> None:
    settings = Settings(dashboards=DashboardSettings(cluster_label="k8s"))
    folder = rendered(tmp_path, settings)
    series = 'railwatch_gpu_state{k8s="K",node="n",gpu="0",uuid="U",state="hung",job="j"}'
    expected = {"k8s": "K", "cluster": "K", "node": "n", "gpu": "0", "uuid": "U"}
    fault = {"severity": "critical", "condition": "GpuUnavailable", "verdict": "drain"}
    told = ",".join(f'{k}="{v}"' for k, v in (expected | fault).items())
    more = 'alertname="GpuHung",alertstate="firing",fault="GpuHung",scope="gpu"'
    document = {
        "rule_files": [str(folder / "rules/shard/gpu_hung.yaml")],
        "evaluation_interval": "15s",
        "tests": [
            {
                "interval": "15s",
                "input_series": [{"series": series, "values": "1x20"}],
                "promql_expr_test": [
                    {
                        "expr": "ALERTS",
                        "eval_time": "4m",
                        "exp_samples": [{"labels": f"ALERTS{{{told},{more}}}", "value": 1}],
                    }
                ],
            }
        ],
    }
    path = tmp_path / "asked.yaml"
    path.write_text(yaml.safe_dump(document), encoding="utf-8")

    done = run("test", "rules", path)

    assert done.returncode == 0, done.stderr


def test_where_it_is_an_external_label_the_alert_has_its_cluster_as_well(tmp_path: Path) -> None:
    settings = Settings(dashboards=DashboardSettings(cluster_label="k8s"))
    folder = rendered(tmp_path, settings)
    series = 'railwatch_gpu_state{node="n",gpu="0",uuid="U",state="hung",job="j"}'
    question = {
        "expr": "group by (cluster, k8s) (ALERTS)",
        "eval_time": "4m",
        "exp_samples": [{"labels": '{cluster="K"}', "value": 1}],
    }
    test = {
        "interval": "15s",
        "external_labels": {"k8s": "K"},
        "input_series": [{"series": series, "values": "1x20"}],
        "promql_expr_test": [question],
    }
    document = {
        "rule_files": [str(folder / "rules/shard/gpu_hung.yaml")],
        "evaluation_interval": "15s",
        "tests": [test],
    }
    path = tmp_path / "asked.yaml"
    path.write_text(yaml.safe_dump(document), encoding="utf-8")

    done = run("test", "rules", path)

    assert done.returncode == 0, done.stderr


def test_a_proof_answers_with_the_cluster_whatever_the_label_is_called() -> None:
    alert = next(alert for alert in all_alerts() if alert.name == "GpuHung")

    query = clusters.of_query(proofs.query(alert, INTERVALS), "k8s")

    assert {names.partition(",")[0] for names in LISTS.findall(query)} == {"k8s"}
    assert query.rpartition("\n")[2] == ', "cluster", "$1", "k8s", "(.+)")'


def test_a_label_that_only_begins_like_cluster_is_left_alone() -> None:
    expr = "sum by (cluster_queue, cluster) (a) and on (cluster) b"

    assert clusters.renamed(expr, "k8s") == "sum by (cluster_queue, cluster) (a) and on (k8s) b"


def test_tests_for_users_stay_as_they_are() -> None:
    """The rendered unit tests have no cluster label: nothing of theirs depends on its name."""
    alert = next(alert for alert in all_alerts() if alert.name == "GpuHung")

    document = cases_of(alert, INTERVALS, "x")

    assert not any("cluster=" in str(test["input_series"]) for test in document["tests"])
