"""What is rendered meets those who read it: the bridge, the exporter, the manifests."""

import re
from pathlib import Path
from typing import Any

import yaml

from alerts.discovery import all_alerts
from alerts.scrape import ScrapeSettings
from exporters.registry import FAMILIES
from health_bridge.decision.proofs import load
from health_bridge.server import WEBHOOK
from render.settings import Settings
from render.tree import files

ROOT = Path(__file__).parents[2]


def deployed(path: str) -> dict[str, Any]:
    """Return the pod template of a workload in deploy/."""
    text = (ROOT / "deploy" / path).read_text(encoding="utf-8")
    documents = [each for each in yaml.safe_load_all(text) if each]
    template: dict[str, Any] = next(
        each["spec"]["template"] for each in documents if "template" in each.get("spec", {})
    )
    return template


def test_the_bridge_takes_the_rendered_proofs(tmp_path: Path) -> None:
    path = tmp_path / "proofs.yaml"
    path.write_bytes(files(Settings())["bridge/proofs.yaml"])

    proofs = load(str(path))

    bridged = {alert.name for alert in all_alerts() if alert.fault}
    assert set(proofs.faults) == bridged | {"AcceleratorsUnverified"}


def test_every_facility_that_a_proof_reads_is_one_of_the_exporters() -> None:
    there = {f"{family.name}/{each.name}" for family in FAMILIES for each in family.facilities}

    read = {name for alert in all_alerts() if alert.proof for name in alert.proof.facilities}

    assert read <= there


def test_the_hint_goes_where_the_bridge_listens() -> None:
    assert Settings().alertmanager.bridge_url.endswith(f":9411{WEBHOOK}")


def test_the_exporters_pods_are_found_by_label_and_port() -> None:
    template = deployed("exporter/daemonset.yaml")
    monitor = yaml.safe_load(files(Settings())["kubernetes/podmonitor.yaml"])["spec"]
    ports = {port["name"] for each in template["spec"]["containers"] for port in each["ports"]}

    assert monitor["selector"]["matchLabels"].items() <= template["metadata"]["labels"].items()
    assert monitor["podMetricsEndpoints"][0]["port"] in ports


def test_the_fabrics_exporter_is_found_and_keeps_its_name_over_roll_outs() -> None:
    template = deployed("exporter/fabric/deployment.yaml")
    spec = yaml.safe_load(files(Settings())["kubernetes/scrapeconfig-fabric.yaml"])["spec"]
    (discovery,) = spec["kubernetesSDConfigs"]
    (selector,) = discovery["selectors"]
    running, port, instance = spec["relabelings"]
    ports = {port["name"] for each in template["spec"]["containers"] for port in each["ports"]}

    name, _, value = selector["label"].partition("=")
    assert template["metadata"]["labels"][name] == value == spec["jobName"]
    assert running["sourceLabels"] == ["__meta_kubernetes_pod_phase"]
    assert port["regex"] in ports
    assert instance["targetLabel"] == "instance"
    replica_set = re.fullmatch(instance["regex"], "railwatch-fabric-west-6c5d8f7b94")
    assert replica_set
    assert replica_set[1] == "railwatch-fabric-west"


def test_exporters_outside_the_cluster_are_scraped_and_not_monitored_as_pods() -> None:
    outside = ScrapeSettings(discovery="file", files=("/etc/targets/*.yaml",))

    made = files(Settings(scrape=outside))

    spec = yaml.safe_load(made["kubernetes/scrapeconfig-railwatch-exporter.yaml"])["spec"]
    (job, *_) = yaml.safe_load(made["prometheus/scrape.yaml"])["scrape_configs"]
    assert spec["fileSDConfigs"] == job["file_sd_configs"]
    assert (spec["jobName"], spec["honorLabels"]) == (job["job_name"], job["honor_labels"])
    assert "kubernetes/podmonitor.yaml" not in made
    assert "kubernetes/podmonitor-railwatch-bridge.yaml" in made


def test_the_bridge_mounts_the_rendered_proofs() -> None:
    volumes = deployed("bridge/deployment.yaml")["spec"]["volumes"]
    rendered = yaml.safe_load(files(Settings())["kubernetes/proofs.yaml"])

    assert rendered["metadata"]["name"] in {
        volume["configMap"]["name"] for volume in volumes if "configMap" in volume
    }
