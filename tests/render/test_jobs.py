"""A job of another name is asked for by everything that asks for the exporters, and scraped so."""

import subprocess
from datetime import timedelta
from pathlib import Path

import pytest
import yaml

from alerts.scrape import ScrapeSettings
from dashboards import Settings as DashboardSettings
from render.jobs import renamed
from render.settings import Settings
from render.tree import files
from testbed.tools import ensure

NAMED = DashboardSettings(job="gpu-nodes")
MADE = files(Settings(dashboards=NAMED))
OURS = ('job="railwatch-exporter"', r"job=\"railwatch-exporter\"")


def test_nothing_asks_for_the_job_by_our_name() -> None:
    text = {path: content.decode() for path, content in MADE.items()}

    assert [path for path, found in text.items() if any(ours in found for ours in OURS)] == []
    asking = {path.partition("/")[0] for path, found in text.items() if "gpu-nodes" in found}
    assert asking == {"prometheus", "bridge", "grafana", "kubernetes", "mixin"}


@pytest.mark.parametrize("alert", ["exporter_down", "gpu_fell_off_bus", "telemetry_stale"])
def test_rules_and_proofs_work_as_before(tmp_path: Path, alert: str) -> None:
    for path, content in MADE.items():
        if path.startswith("prometheus/"):
            (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / path).write_bytes(content)
    test = tmp_path / f"prometheus/tests/{alert}.yaml"

    done = subprocess.run(
        [ensure("promtool")["promtool"], "test", "rules", test],
        capture_output=True,
        text=True,
        check=False,
        timeout=timedelta(minutes=2).total_seconds(),
    )

    assert 'job="gpu-nodes"' in test.read_text(encoding="utf-8")
    assert done.returncode == 0, done.stderr


def test_the_scrape_jobs_give_that_label_to_pods_that_keep_their_name() -> None:
    scrape = yaml.safe_load(MADE["prometheus/scrape.yaml"])["scrape_configs"]
    monitor = yaml.safe_load(MADE["kubernetes/podmonitor.yaml"])["spec"]

    assert scrape[0]["job_name"] == "gpu-nodes"
    (pods,) = scrape[0]["kubernetes_sd_configs"]
    assert pods["selectors"][0]["label"] == "app.kubernetes.io/name=railwatch-exporter"
    assert monitor["selector"]["matchLabels"] == {"app.kubernetes.io/name": "railwatch-exporter"}
    (endpoint,) = monitor["podMetricsEndpoints"]
    assert {"targetLabel": "job", "replacement": "gpu-nodes"} in endpoint["relabelings"]


def test_targets_listed_in_files_are_scraped_by_that_name_too() -> None:
    listed = ScrapeSettings(discovery="file", files=("a.yaml",))
    made = files(Settings(dashboards=NAMED, scrape=listed))

    found = yaml.safe_load(made["kubernetes/scrapeconfig-railwatch-exporter.yaml"])

    assert found["spec"]["jobName"] == "gpu-nodes"


@pytest.mark.parametrize(
    "text",
    ['instance="railwatch-exporter"', "name: railwatch-exporter", 'job="railwatch-exporter-2"'],
)
def test_what_is_no_job_of_ours_keeps_its_name(text: str) -> None:
    assert renamed(text, "gpu-nodes") == text
