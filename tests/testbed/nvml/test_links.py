"""NVLinks of a simulated GPU, as NVML tells of them."""

import subprocess
import sys

import pynvml
import pytest

from testbed.nvml import SimulatedNvml
from testbed.nvml.links import ABSENT
from tests.testbed.nvml.reading import gpu

ALL = 2**32 - 1


def told(number: int, scope: int) -> tuple[int, int]:
    """Return the code and the value that GPU 3 tells of a field in a scope."""
    (value,) = pynvml.nvmlDeviceGetFieldValues(gpu(3), [(number, scope)])
    return value.nvmlReturn, value.value.ullVal


def test_a_link_is_told_of_by_calls_of_its_own(nvml: SimulatedNvml) -> None:
    nvml.set_link(3, 2, state=0, replay=7, ecc_data=4)

    assert pynvml.nvmlDeviceGetNvLinkState(gpu(3), 1) == 1
    assert pynvml.nvmlDeviceGetNvLinkState(gpu(3), 2) == 0
    assert pynvml.nvmlDeviceGetNvLinkVersion(gpu(3), 2) == 6
    assert pynvml.nvmlDeviceGetNvLinkRemoteDeviceType(gpu(3), 2) == 2
    assert pynvml.nvmlDeviceGetNvLinkRemotePciInfo(gpu(3), 2).busId == "00000000:07:00.0"
    replay, ecc = pynvml.NVML_NVLINK_ERROR_DL_REPLAY, pynvml.NVML_NVLINK_ERROR_DL_ECC_DATA
    assert pynvml.nvmlDeviceGetNvLinkErrorCounter(gpu(3), 2, replay) == 7
    assert pynvml.nvmlDeviceGetNvLinkErrorCounter(gpu(3), 2, ecc) == 4


def test_a_field_names_the_link_by_its_scope(nvml: SimulatedNvml) -> None:
    nvml.set_link(3, 2, replay=7)

    assert told(pynvml.NVML_FI_DEV_NVLINK_ERROR_DL_REPLAY, 2) == (0, 7)
    assert told(pynvml.NVML_FI_DEV_NVLINK_ERROR_DL_REPLAY, 1) == (0, 0)
    assert told(pynvml.NVML_FI_DEV_NVLINK_REPLAY_ERROR_COUNT_L2, 0) == (0, 7)


def test_a_scope_beyond_every_link_is_the_sum_where_there_is_one(nvml: SimulatedNvml) -> None:
    nvml.set_link(3, data_tx=5)

    assert told(pynvml.NVML_FI_DEV_NVLINK_THROUGHPUT_DATA_TX, ALL) == (0, 90)
    code, _ = told(pynvml.NVML_FI_DEV_NVLINK_ERROR_DL_REPLAY, ALL)
    assert code == pynvml.NVML_ERROR_INVALID_ARGUMENT


def test_what_a_link_lacks_is_not_supported(nvml: SimulatedNvml) -> None:
    code, _ = told(pynvml.NVML_FI_DEV_NVLINK_COUNT_SYMBOL_ERRORS, 0)

    assert code == pynvml.NVML_ERROR_NOT_SUPPORTED


def test_a_link_that_there_is_not_is_refused(nvml: SimulatedNvml) -> None:
    with pytest.raises(pynvml.NVMLError_InvalidArgument):
        pynvml.nvmlDeviceGetNvLinkState(gpu(3), 18)
    nvml.set(3, nvlinks=ABSENT)
    with pytest.raises(pynvml.NVMLError_NotSupported):
        pynvml.nvmlDeviceGetNvLinkState(gpu(3), 0)


def test_a_reset_sets_to_zero_what_links_count(nvml: SimulatedNvml) -> None:
    nvml.set_link(3, 2, replay=7, crc=ABSENT, state=2)

    nvml.reset(3)

    assert told(pynvml.NVML_FI_DEV_NVLINK_ERROR_DL_REPLAY, 2) == (0, 0)
    assert told(pynvml.NVML_FI_DEV_NVLINK_ERROR_DL_CRC, 2)[0] == pynvml.NVML_ERROR_NOT_SUPPORTED
    assert told(pynvml.NVML_FI_DEV_NVLINK_GET_STATE, 2) == (0, 2)


def test_steering_refuses_what_there_is_not(nvml: SimulatedNvml) -> None:
    with pytest.raises(ValueError, match="no field 'replays'; there is replay"):
        nvml.set_link(3, 2, replays=1)
    with pytest.raises(ValueError, match="no link 18"):
        nvml.set_link(3, 18, replay=1)


def test_a_link_is_steered_from_a_shell(nvml: SimulatedNvml) -> None:
    shell = [sys.executable, "-m", "testbed.nvml", str(nvml.control), "link", "3", "2"]

    subprocess.run([*shell, "state=0", "replay=5"], check=True)
    wrong = subprocess.run([*shell, "state=up"], check=False, capture_output=True, text=True)

    assert told(pynvml.NVML_FI_DEV_NVLINK_ERROR_DL_REPLAY, 2) == (0, 5)
    assert told(pynvml.NVML_FI_DEV_NVLINK_GET_STATE, 2) == (0, 0)
    assert (wrong.returncode, "state='up': expected a number" in wrong.stderr) == (1, True)


def test_a_draw_takes_the_draw_of_the_moment_along(nvml: SimulatedNvml) -> None:
    nvml.set(3, power=100_000)
    assert nvml.get(3, "power_instant") == 100_000

    nvml.set(3, power=200_000, power_instant=210_000)
    assert nvml.get(3, "power_instant") == 210_000
