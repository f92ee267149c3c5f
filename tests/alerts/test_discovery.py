from pathlib import Path

import pytest

from alerts.discovery import all_alerts, by_family, stem
from alerts.model import Alert
from catalog.faults import FAULTS

ROOT = Path(__file__).parents[2]
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
        assert alert.device.identity == {"gpu": "uuid", "nic": "guid", "link": "guid"}.get(
            alert.fault.scope.value, ""
        )


def test_a_file_is_named_after_its_alert() -> None:
    assert stem("GpuFellOffBus") == "gpu_fell_off_bus"
    assert stem("RdmaLinkDown") == "rdma_link_down"
