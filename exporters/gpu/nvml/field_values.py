"""What one nvmlFieldValue_t says: it has a return code and a type of its own."""

import math
from typing import Any

import pynvml

from exporters.errors import Absent, Unreadable
from exporters.gpu.nvml.calls import NOT_AVAILABLE, error

_MEMBERS = ("dVal", "uiVal", "ulVal", "ullVal", "sllVal", "siVal", "usVal")
"""Where a field's value stands, by its nvmlValueType_t."""


_UNKNOWN = (pynvml.NVML_ERROR_NOT_SUPPORTED, pynvml.NVML_ERROR_INVALID_ARGUMENT)
"""What a driver says of a field that this card lacks, or that is newer than the driver."""


def is_lacking(told: Any) -> bool:
    """Return whether this card and driver do not have the field."""
    return told.nvmlReturn in _UNKNOWN


def field_value(name: str, told: Any) -> float:
    """Return the value of a field, in NVML's unit."""
    if is_lacking(told):
        raise Absent(f"{name}: {pynvml.NVMLError(told.nvmlReturn)}")
    if told.nvmlReturn != pynvml.NVML_SUCCESS:
        raise error(name, told.nvmlReturn)
    if told.valueType >= len(_MEMBERS):
        raise Unreadable(f"{name}: value of unknown type {told.valueType}")
    value: float = getattr(told.value, _MEMBERS[told.valueType])
    if not math.isfinite(value):
        raise Unreadable(f"{name}: {value} is not a number")
    if value in NOT_AVAILABLE:
        raise Absent(f"{name}: not available")
    return value
