import re
from pathlib import Path

import pytest

from alerts import comparisons
from alerts.discovery import all_alerts, by_family, stem
from alerts.model import Alert
from catalog.faults import FAULTS

ROOT = Path(__file__).parents[2]
IDENTITIES = {"gpu": "uuid", "nic": "guid", "link": "guid", "domain": "domain", "line": "line"}
SECTIONS = ["Meaning", "Impact", "Diagnosis", "Mitigation"]


@pytest.mark.parametrize("alert", all_alerts(), ids=lambda alert: alert.name)
def test_every_alert_has_its_runbook_page(alert: Alert) -> None:
    page = (ROOT / "docs" / "runbooks" / f"{alert.name}.md").read_text(encoding="utf-8")
    lines = page.splitlines()

    assert lines[0] == f"# {alert.name}"
    assert [line[3:] for line in lines if line.startswith("## ")] == SECTIONS


def test_every_runbook_page_has_its_alert() -> None:
    pages = {page.stem for page in (ROOT / "docs" / "runbooks").glob("*.md")}

    assert pages == {alert.name for alert in all_alerts()}


def test_every_alert_has_its_test() -> None:
    for family, alerts in by_family().items():
        for alert in alerts:
            assert (ROOT / "tests" / "alerts" / family / f"test_{stem(alert.name)}.py").is_file()


def test_every_fault_of_the_catalogue_has_its_alert() -> None:
    assert {alert.fault for alert in all_alerts() if alert.fault} == set(FAULTS)


@pytest.mark.parametrize("alert", all_alerts(), ids=lambda alert: alert.name)
def test_every_fault_sits_where_its_condition_may(alert: Alert) -> None:
    if alert.fault:
        assert alert.fault.scope.value in alert.fault.condition.scopes
        assert alert.device.identity == IDENTITIES.get(alert.fault.scope.value, "")


@pytest.mark.parametrize("alert", all_alerts(), ids=lambda alert: alert.name)
def test_every_threshold_is_used_and_says_where_it_is_from(alert: Alert) -> None:
    for threshold in alert.thresholds:
        assert f"${threshold.name}" in alert.expr
        assert threshold.meaning
        assert threshold.source


@pytest.mark.parametrize("alert", all_alerts(), ids=lambda alert: alert.name)
def test_what_compares_nodes_is_left_to_the_global_view(alert: Alert) -> None:
    """A shard that judged the fleet would judge its own part of it."""
    names_a_node = "node" in alert.device.labels

    if comparisons.files(alert) or not names_a_node:
        assert alert.needs_fleet or alert.name == "RailwatchWatchdog"


@pytest.mark.parametrize("alert", all_alerts(), ids=lambda alert: alert.name)
def test_the_texts_name_no_label_that_the_alert_lacks(alert: Alert) -> None:
    texts = f"{alert.summary} {alert.description}"

    assert set(re.findall(r"\$labels\.(\w+)", texts)) <= set(alert.device.labels)


@pytest.mark.parametrize("alert", all_alerts(), ids=lambda alert: alert.name)
def test_a_fault_of_an_xid_does_what_nvidia_says(alert: Alert) -> None:
    asked = {"RESET_GPU": "reset", "RESTART_BM": "reboot", "RESTART_VM": "reboot"}

    for resolution in re.findall(r'resolution="(\w+)"', alert.expr):
        if alert.fault and resolution in asked:
            assert alert.fault.recovery.value == asked[resolution]


def test_a_file_is_named_after_its_alert() -> None:
    assert stem("GpuFellOffBus") == "gpu_fell_off_bus"
    assert stem("RdmaLinkDown") == "rdma_link_down"
