from pathlib import Path

from tests.alerts.promtool import complaints, firing


def test_its_rendered_unit_tests_pass(tmp_path: Path) -> None:
    assert complaints(tmp_path, "FabricDiscoveryIncomplete") == ""


def test_a_fabric_that_is_seen_as_a_whole_does_not_speak_for_another(tmp_path: Path) -> None:
    series = {
        'railwatch_fabric_discovery_complete{instance="compute"}': "0x200",
        'railwatch_fabric_discovery_complete{instance="storage"}': "1x200",
    }

    assert firing(tmp_path, "FabricDiscoveryIncomplete", series, "40m", ["{}"]) == ""
