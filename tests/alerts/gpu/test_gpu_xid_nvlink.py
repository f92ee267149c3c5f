from pathlib import Path

import pytest

from catalog.faults import Recovery
from tests.alerts.promtool import alert, complaints, firing

NAME = "GpuXidNvlink"
GPU = 'node="n1",gpu="3",uuid="GPU-3"'
FIRES = ['{node="n1", uuid="GPU-3"}']
RESET = {f"railwatch_gpu_reset_timestamp_seconds{{{GPU}}}": "1x400"}


def xid(code: int, resolution: str) -> dict[str, str]:
    labels = f'{GPU},xid="{code}",resolution="{resolution}"'
    return {f"railwatch_gpu_xid_last_timestamp_seconds{{{labels}}}": "0x9 150x390"}


def test_its_rendered_unit_tests_pass(tmp_path: Path) -> None:
    assert complaints(tmp_path, NAME) == ""


def test_it_demands_a_reset() -> None:
    fault = alert(NAME).fault

    assert fault
    assert fault.recovery is Recovery.RESET


@pytest.mark.parametrize(
    ("code", "resolution", "devices"),
    [
        (74, "WORKFLOW_NVLINK_ERR", FIRES),
        (144, "RESET_GPU", FIRES),
        (147, "WORKFLOW_NVLINK5_ERR", FIRES),
        (144, "IGNORE", []),
        (119, "RESET_GPU", []),
    ],
    ids=["NVLink 4", "fatal sub-code", "unknown sub-code", "harmless sub-code", "another Xid"],
)
def test_the_sub_code_decides(
    tmp_path: Path, code: int, resolution: str, devices: list[str]
) -> None:
    assert firing(tmp_path, NAME, RESET | xid(code, resolution), "10m", devices) == ""
