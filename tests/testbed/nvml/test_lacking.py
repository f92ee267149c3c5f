"""What a simulated card may lack, and what may be below zero."""

import pynvml
import pytest

from testbed.nvml import SimulatedNvml
from testbed.nvml.layout import ABSENT
from tests.testbed.nvml.reading import field, gpu


def test_a_number_that_a_card_lacks_is_not_supported(nvml: SimulatedNvml) -> None:
    nvml.set(3, pcie_generation=ABSENT, clocks_limited=ABSENT)

    with pytest.raises(pynvml.NVMLError_NotSupported):
        pynvml.nvmlDeviceGetCurrPcieLinkGeneration(gpu(3))
    with pytest.raises(pynvml.NVMLError_NotSupported):
        pynvml.nvmlDeviceGetCurrentClocksEventReasons(gpu(3))
    assert pynvml.nvmlDeviceGetCurrPcieLinkGeneration(gpu(4)) == 5


def test_a_field_that_a_card_lacks_is_not_supported_and_the_others_are(
    nvml: SimulatedNvml,
) -> None:
    nvml.set(3, recovery_action=ABSENT, retired_single_bit=2)

    values = pynvml.nvmlDeviceGetFieldValues(
        gpu(3), [pynvml.NVML_FI_DEV_GET_GPU_RECOVERY_ACTION, pynvml.NVML_FI_DEV_RETIRED_SBE]
    )

    assert values[0].nvmlReturn == pynvml.NVML_ERROR_NOT_SUPPORTED
    assert field(3, pynvml.NVML_FI_DEV_RETIRED_SBE) == 2


def test_a_field_below_zero_is_signed(nvml: SimulatedNvml) -> None:
    nvml.set(3, margin_shutdown=-1)

    (value,) = pynvml.nvmlDeviceGetFieldValues(
        gpu(3), [pynvml.NVML_FI_DEV_TEMPERATURE_SHUTDOWN_TLIMIT]
    )

    assert value.nvmlReturn == pynvml.NVML_SUCCESS
    assert (value.valueType, value.value.siVal) == (pynvml.NVML_VALUE_TYPE_SIGNED_INT, -1)


def test_a_reset_does_not_give_a_card_what_it_lacks(nvml: SimulatedNvml) -> None:
    nvml.set(3, recovery_action=ABSENT, remapped_pending=1)

    nvml.reset(3)

    assert nvml.get(3, "recovery_action") == ABSENT
    assert nvml.get(3, "remapped_pending") == 0


def test_a_fan_that_there_is_not_is_refused(nvml: SimulatedNvml) -> None:
    nvml.set(3, fans=1, fan_speed=30)

    assert pynvml.nvmlDeviceGetFanSpeed_v2(gpu(3), 0) == 30
    with pytest.raises(pynvml.NVMLError_InvalidArgument):
        pynvml.nvmlDeviceGetFanSpeed_v2(gpu(3), 1)
    with pytest.raises(pynvml.NVMLError_NotSupported):
        pynvml.nvmlDeviceGetNumFans(gpu(4))
