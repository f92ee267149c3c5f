"""Field values: one call a cycle, each with a return code and a type of its own."""

import pynvml
import pytest

from exporters.errors import Absent, DeviceLost, Unreadable
from exporters.gpu.fields import Field
from exporters.gpu.nvml import Gpu
from exporters.gpu.nvml.field_values import field_value
from testbed.nvml import SimulatedNvml


@pytest.mark.parametrize("field", Field)
def test_each_has_the_number_of_nvml(field: Field) -> None:
    assert getattr(pynvml, f"NVML_FI_DEV_{field.name}") == field


def test_all_are_read_in_one_call_a_cycle(node: SimulatedNvml, gpu: Gpu) -> None:
    node.set(0, retired_single_bit=1, retired_double_bit=1)

    assert gpu.field(Field.RETIRED_SBE) == 1
    node.set(0, retired_double_bit=2)
    assert gpu.field(Field.RETIRED_DBE) == 1
    gpu.begin()
    assert gpu.field(Field.RETIRED_DBE) == 2


def test_one_that_the_card_lacks_is_absent(node: SimulatedNvml, gpu: Gpu) -> None:
    node.set(0, retired_single_bit=1)

    assert gpu.field(Field.RETIRED_SBE) == 1
    with pytest.raises(Absent, match="NVML_FI_DEV_RETIRED_DBE: Not Supported"):
        gpu.field(Field.RETIRED_DBE)


NAME = "NVML_FI_DEV_RETIRED_SBE"


def told(code: int = 0, kind: int = 1, value: tuple[str, float] = ("uiVal", 0)) -> object:
    made = pynvml.c_nvmlFieldValue_t(nvmlReturn=code, valueType=kind)
    setattr(made.value, *value)
    return made


@pytest.mark.parametrize(
    ("kind", "member", "value"),
    [
        (pynvml.NVML_VALUE_TYPE_DOUBLE, "dVal", 1.5),
        (pynvml.NVML_VALUE_TYPE_UNSIGNED_INT, "uiVal", 2**31),
        (pynvml.NVML_VALUE_TYPE_UNSIGNED_LONG, "ulVal", 2**40),
        (pynvml.NVML_VALUE_TYPE_UNSIGNED_LONG_LONG, "ullVal", 2**63),
        (pynvml.NVML_VALUE_TYPE_SIGNED_LONG_LONG, "sllVal", -(2**40)),
        (pynvml.NVML_VALUE_TYPE_SIGNED_INT, "siVal", -7),
        (pynvml.NVML_VALUE_TYPE_UNSIGNED_SHORT, "usVal", 65_535),
    ],
)
def test_each_type_is_read_as_what_it_is(kind: int, member: str, value: float) -> None:
    assert field_value(NAME, told(kind=kind, value=(member, value))) == value


def test_an_unknown_type_is_unreadable() -> None:
    with pytest.raises(Unreadable, match="unknown type 7"):
        field_value(NAME, told(kind=pynvml.NVML_VALUE_TYPE_COUNT))


def test_a_value_marked_as_not_available_is_absent() -> None:
    with pytest.raises(Absent):
        field_value(NAME, told(value=("uiVal", 2**32 - 1)))


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_what_is_not_a_number_is_unreadable(value: float) -> None:
    with pytest.raises(Unreadable, match="not a number"):
        field_value(NAME, told(kind=0, value=("dVal", value)))


def test_one_that_says_that_the_gpu_is_lost_says_it_of_the_gpu() -> None:
    with pytest.raises(DeviceLost, match="NVML_FI_DEV_RETIRED_SBE"):
        field_value(NAME, told(code=pynvml.NVML_ERROR_GPU_IS_LOST))
