"""A call of pynvml, and what its errors and its marks of absence mean."""

import ctypes
from typing import Any

import pynvml

from exporters.errors import (
    Absent,
    DeviceLost,
    Mismatch,
    NoDriver,
    NotPermitted,
    ReadingError,
    ResetRequired,
    Unreadable,
)


class NotFound(Unreadable):
    """NVML has nothing under the number or name it was asked for."""


_MEANING: dict[int, type[ReadingError]] = {
    pynvml.NVML_ERROR_NOT_SUPPORTED: Absent,
    pynvml.NVML_ERROR_FUNCTION_NOT_FOUND: Absent,
    pynvml.NVML_ERROR_NO_DATA: Absent,
    pynvml.NVML_ERROR_DEPRECATED: Absent,
    pynvml.NVML_ERROR_ARGUMENT_VERSION_MISMATCH: Absent,
    pynvml.NVML_ERROR_VGPU_ECC_NOT_SUPPORTED: Absent,
    pynvml.NVML_ERROR_NOT_FOUND: NotFound,
    pynvml.NVML_ERROR_LIBRARY_NOT_FOUND: NoDriver,
    pynvml.NVML_ERROR_DRIVER_NOT_LOADED: NoDriver,
    pynvml.NVML_ERROR_GPU_IS_LOST: DeviceLost,
    pynvml.NVML_ERROR_RESET_REQUIRED: ResetRequired,
    pynvml.NVML_ERROR_LIB_RM_VERSION_MISMATCH: Mismatch,
    pynvml.NVML_ERROR_NO_PERMISSION: NotPermitted,
}
"""Every other error is Unreadable. A driver refuses structures that are newer than itself."""

NOT_AVAILABLE = (2**32 - 1, 2**64 - 1)
"""NVML_VALUE_NOT_AVAILABLE, in both widths."""


class TimedOut(Unreadable):
    """NVML waited as long as it was told to."""


def error(name: str, code: int) -> ReadingError:
    """Return our error for a return code of NVML's that is not success; it names the call."""
    meaning = _MEANING.get(code, Unreadable)
    return meaning(f"{name}: {pynvml.NVMLError(code)}")


def call(name: str, *arguments: Any) -> Any:
    """Call a pynvml function; its error becomes one of ours that names the call."""
    try:
        return getattr(pynvml, name)(*arguments)
    except pynvml.NVMLError_Timeout as timeout:
        raise TimedOut(f"{name}: {timeout}") from None
    except pynvml.NVMLError as problem:
        raise error(name, problem.value) from None
    except UnicodeDecodeError as problem:
        raise Unreadable(f"{name}: {problem}") from None


def available(name: str, *values: Any) -> tuple[int, ...]:
    """Return numbers that a call gave; Absent where it marks one as not available."""
    numbers = tuple(map(int, values))
    if not set(numbers).isdisjoint(NOT_AVAILABLE):
        raise Absent(f"{name}: not available")
    return numbers


def number(name: str, *arguments: Any) -> int:
    """Return the number that a pynvml function gives."""
    return available(name, call(name, *arguments))[0]


def filled(name: str, handle: Any) -> int:
    """Return the one number with which a function of the library fills a structure.

    For one that pynvml calls with another structure than nvml.h has. The room is for either: a
    library that expects a version in front finds none there, and refuses.
    """
    room = (ctypes.c_uint * 2)(*[_UNTOUCHED] * 2)
    code = call("_nvmlGetFunctionPointer", name)(handle, room)
    if code != pynvml.NVML_SUCCESS:
        raise error(name, code)
    return available(name, room[0])[0]


_UNTOUCHED = 2**32 - 1


def record(name: str, told: ctypes.Structure) -> dict[str, int]:
    """Return the members of a structure of numbers that a call filled."""
    members = [field[0] for field in told._fields_]
    values = (getattr(told, member) for member in members)
    return dict(zip(members, available(name, *values), strict=True))


def text(name: str, *arguments: Any) -> str:
    """Return the text that a pynvml function gives, cleared of what cannot be printed."""
    return cleared(call(name, *arguments))


def cleared(value: bytes | str) -> str:
    """Return a text of NVML's, cleared of what cannot be printed."""
    told = value.decode("utf-8", "replace") if isinstance(value, bytes) else value
    return "".join(c if c.isprintable() else "\ufffd" for c in told).strip()


def member(name: str, told: ctypes.Structure, which: str) -> str:
    """Return a text in a structure that a call filled; pynvml decodes it when it is looked at."""
    try:
        return cleared(getattr(told, which))
    except UnicodeDecodeError as problem:
        raise Unreadable(f"{name}: {which}: {problem}") from None


def pci_bus_id(handle: Any) -> str:
    """Return the PCI function of a handle as sysfs names it."""
    return pci_address(call("nvmlDeviceGetPciInfo", handle))


def pci_address(info: Any) -> str:
    """Return the PCI function of an nvmlPciInfo_t, as sysfs names it.

    NVML writes the domain in 8 digits, the kernel in 4 and in more only where they are needed, as
    for the domains that a virtual machine's host makes up.
    """
    told = info.busId
    address = told.decode("ascii", "replace") if isinstance(told, bytes) else told
    domain, colon, rest = address.partition(":")
    return f"{domain.lstrip('0').zfill(4)}{colon}{rest}".lower()
