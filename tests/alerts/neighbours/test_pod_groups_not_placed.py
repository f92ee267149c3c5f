from pathlib import Path

from tests.alerts.promtool import complaints


def test_its_rendered_unit_tests_pass(tmp_path: Path) -> None:
    assert complaints(tmp_path, "PodGroupsNotPlaced") == ""
