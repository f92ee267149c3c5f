"""The rendered rules and proofs on what the real exporter says of simulated hardware."""

import dataclasses
import json
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta

import pytest

from alerts.discovery import all_alerts
from alerts.scrape import ScrapeSettings
from alerts.tuning import AlertSettings
from health_bridge.decision.proofs import Proofs, load, node_matcher
from render.settings import PrometheusSettings, Settings
from render.tree import files
from render.writing import write
from testbed.nvml import SimulatedNvml
from testbed.ports import free_port
from testbed.processes import Process
from testbed.servers import Prometheus
from testbed.sysfs import SimulatedSysfs
from testbed.waiting import until_true, wait_until

SECOND = timedelta(seconds=1)
VIEWS = ("shard", "global")
PROVEN = (
    "GpuFellOffBus",
    "GpuHung",
    "GpuMemoryUncorrectable",
    "GpuRowRemapFailure",
    "GpuThermalThrottle",
    "GpuXidNvlink",
    "GpuXidReset",
    "RdmaDeviceMissing",
    "RdmaLinkDown",
    "RdmaLinkErrors",
    "RdmaLinkFlapping",
    "RdmaRateReduced",
)
"""Faults whose facilities the simulated hardware of this test has."""
DEVICES = 2
BRIDGED = [alert.name for alert in all_alerts() if alert.fault]


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    nvml: SimulatedNvml
    sysfs: SimulatedSysfs
    prometheus: Prometheus
    proofs: Proofs

    def proven(self, fault: str) -> set[str]:
        proof = self.proofs.faults[fault]
        query = proof.query.replace("$selector", node_matcher(["gpu-1"]))
        return {row["metric"][proof.identity] for row in self.prometheus.query(query)}

    def firing(self) -> dict[tuple[str, str], dict[str, str]]:
        """Return the labels of what fires, by alert and device."""
        rows = self.prometheus.query('ALERTS{alertstate="firing",condition!=""}')
        found = [row["metric"] for row in rows]
        return {(each["alertname"], device(each)): each for each in found}


def device(labels: Mapping[str, str]) -> str:
    return labels.get("uuid") or labels.get("guid") or labels.get("node", "")


def short() -> Settings:
    change = AlertSettings(hold=timedelta(0), soak=5 * SECOND)
    return Settings(
        prometheus=PrometheusSettings(scrape_interval=SECOND, evaluation_interval=SECOND),
        alerts=dict.fromkeys(BRIDGED, change),
    )


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("site")
    port = free_port()
    targets = folder / "targets.json"
    listed = [{"targets": [f"127.0.0.1:{port}"], "labels": {"node": "gpu-1"}}]
    targets.write_text(json.dumps(listed), encoding="utf-8")
    settings = dataclasses.replace(
        short(), scrape=ScrapeSettings(discovery="file", files=(str(targets),))
    )
    write(folder / "out", files(settings))
    config = {
        "scrape_config_files": [str(folder / "out/prometheus/scrape.yaml")],
        "rule_files": [str(folder / f"out/prometheus/rules/{view}/*.yaml") for view in VIEWS],
    }
    with SimulatedNvml(gpus=DEVICES) as nvml, SimulatedSysfs(ports=DEVICES) as sysfs:
        argv = [
            *(sys.executable, "-m", "exporters", f"--web.listen-address=127.0.0.1:{port}"),
            f"--nvml.library={nvml.library}",
            f"--path.sysfs={sysfs.path}",
            f"--path.procfs={sysfs.proc}",
            f"--path.kmsg={nvml.kernel_log.path}",
            "--interval=1s",
        ]
        with (
            Process(argv, name="exporter", env=nvml.environment),
            Prometheus(json.dumps(config)) as prometheus,
        ):
            proofs = load(str(folder / "out/bridge/proofs.yaml"))
            yield Site(nvml=nvml, sysfs=sysfs, prometheus=prometheus, proofs=proofs)


def until_proven(site: Site, fault: str, devices: set[str]) -> None:
    wait_until(lambda: site.proven(fault) == devices, what=f"{fault} is proven of {devices}")


def fire(site: Site, expected: set[tuple[str, str]]) -> None:
    """These faults of these devices fire and no other: a GPU is slow where the machine stalls."""
    assert set(site.firing()) == expected


@pytest.mark.cluster
def test_healthy_hardware_is_proven_and_each_fault_fires_for_its_own_device(site: Site) -> None:
    gpus = {site.nvml.uuid(i) for i in range(DEVICES)}
    ports = {site.sysfs.guid(f"mlx5_{i}", 1) for i in range(DEVICES)}
    for fault in PROVEN:
        devices = gpus if fault.startswith("Gpu") else ports
        until_proven(site, fault, devices)
    until_true(lambda: fire(site, set()))

    site.nvml.lose(0)
    site.nvml.xid(1, 95)
    site.sysfs.set_state("mlx5_0", 1, "DOWN")
    site.sysfs.set_counter("mlx5_1", 1, "link_downed", 5)

    lost, damaged = site.nvml.uuid(0), site.nvml.uuid(1)
    down, flapping = site.sysfs.guid("mlx5_0", 1), site.sysfs.guid("mlx5_1", 1)
    expected = {
        ("GpuFellOffBus", lost),
        ("GpuMemoryUncorrectable", damaged),
        ("RdmaLinkDown", down),
        ("RdmaLinkFlapping", flapping),
    }
    until_true(lambda: fire(site, expected))
    known = wait_until(lambda: site.firing().get(("RdmaLinkDown", down)), what="it fires still")
    assert known == {
        "__name__": "ALERTS",
        "alertname": "RdmaLinkDown",
        "alertstate": "firing",
        "severity": "critical",
        "fault": "RdmaLinkDown",
        "condition": "RdmaLinkDown",
        "verdict": "cordon",
        "scope": "nic",
        "node": "gpu-1",
        "device": "mlx5_0",
        "port": "1",
        "guid": down,
    }
    until_proven(site, "GpuFellOffBus", {damaged})
    assert site.proven("GpuMemoryUncorrectable") == set()
    until_proven(site, "RdmaLinkDown", {flapping})
