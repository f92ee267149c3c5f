"""What is rendered meets those who read it: the bridge, the exporter, the manifests."""

from pathlib import Path
from typing import Any

import yaml

from alerts.discovery import all_alerts
from exporters.registry import FAMILIES
from health_bridge.proofs import load
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


def test_the_bridge_mounts_the_rendered_proofs() -> None:
    volumes = deployed("bridge/deployment.yaml")["spec"]["volumes"]
    rendered = yaml.safe_load(files(Settings())["kubernetes/proofs.yaml"])

    assert rendered["metadata"]["name"] in {
        volume["configMap"]["name"] for volume in volumes if "configMap" in volume
    }
