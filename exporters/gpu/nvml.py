"""NVIDIA's management library, typed: the one file that imports pynvml.

Every call may hang for ever, so only workers make any. What NVML returns becomes either a value in
NVML's own unit or an error of `exporters.errors`; a value that NVML marks as not available is
Absent, one that cannot be is Unreadable.
"""

import ctypes
import math
import os
from dataclasses import dataclass
from typing import Any

import pynvml

from catalog.metrics import Metric
from exporters.errors import (
    Absent,
    DeviceLost,
    NoDriver,
    ReadingError,
    ResetRequired,
    Unreadable,
)
from exporters.gpu.fields import Field
from exporters.sample import Sample

_MEANING: dict[int, type[ReadingError]] = {
    pynvml.NVML_ERROR_NOT_SUPPORTED: Absent,
    pynvml.NVML_ERROR_FUNCTION_NOT_FOUND: Absent,
    pynvml.NVML_ERROR_NO_DATA: Absent,
    pynvml.NVML_ERROR_VGPU_ECC_NOT_SUPPORTED: Absent,
    pynvml.NVML_ERROR_LIBRARY_NOT_FOUND: NoDriver,
    pynvml.NVML_ERROR_DRIVER_NOT_LOADED: NoDriver,
    pynvml.NVML_ERROR_GPU_IS_LOST: DeviceLost,
    pynvml.NVML_ERROR_RESET_REQUIRED: ResetRequired,
}
"""Every other error is Unreadable."""


class _TimedOut(Unreadable):
    """NVML waited as long as it was told to."""


_NOT_AVAILABLE = (2**32 - 1, 2**64 - 1)
"""NVML_VALUE_NOT_AVAILABLE, in both widths."""

_MOST = 2**64
_HOTTEST = 200
"""°C; NVML gives an unsigned number, so that a negative reading comes as one far beyond."""


def _call(name: str, *arguments: Any) -> Any:
    """Call a pynvml function; its error becomes one of ours that names the call."""
    try:
        return getattr(pynvml, name)(*arguments)
    except pynvml.NVMLError_Timeout as error:
        raise _TimedOut(f"{name}: {error}") from None
    except pynvml.NVMLError as error:
        meaning = _MEANING.get(error.value, Unreadable)
        raise meaning(f"{name}: {error}") from None
    except UnicodeDecodeError as error:
        raise Unreadable(f"{name}: {error}") from None


def _available(name: str, *values: Any) -> tuple[int, ...]:
    numbers = tuple(map(int, values))
    if not set(numbers).isdisjoint(_NOT_AVAILABLE):
        raise Absent(f"{name}: not available")
    return numbers


def _number(name: str, *arguments: Any) -> int:
    return _available(name, _call(name, *arguments))[0]


def _record(name: str, told: ctypes.Structure) -> dict[str, int]:
    members = [field[0] for field in told._fields_]
    values = (getattr(told, member) for member in members)
    return dict(zip(members, _available(name, *values), strict=True))


_MEMBERS = ("dVal", "uiVal", "ulVal", "ullVal", "sllVal", "siVal", "usVal")
"""Where a field's value stands, by its nvmlValueType_t."""


def _field_value(field: Field, told: Any) -> float:
    name = f"NVML_FI_DEV_{field.name}"
    if told.nvmlReturn != pynvml.NVML_SUCCESS:
        meaning = _MEANING.get(told.nvmlReturn, Unreadable)
        raise meaning(f"{name}: {pynvml.NVMLError(told.nvmlReturn)}")
    if told.valueType >= len(_MEMBERS):
        raise Unreadable(f"{name}: value of unknown type {told.valueType}")
    value: float = getattr(told.value, _MEMBERS[told.valueType])
    if not math.isfinite(value):
        raise Unreadable(f"{name}: {value} is not a number")
    if value in _NOT_AVAILABLE:
        raise Absent(f"{name}: not available")
    return value


def _text(name: str, *arguments: Any) -> str:
    value = _call(name, *arguments)
    text = value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
    return "".join(c if c.isprintable() else "\ufffd" for c in text).strip()


@dataclass(frozen=True, slots=True, kw_only=True)
class Memory:
    """Framebuffer memory in bytes; `reserved` is None where `used` includes it."""

    total: int
    used: int
    free: int
    reserved: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Utilization:
    """Percent of the last sample period."""

    gpu: int
    memory: int


class Nvml:
    """The library, loaded and initialised; one a process."""

    def __init__(self, library: str) -> None:
        """Load the library (a path, or a name for the loader) and initialise it.

        NoDriver where there is no library or no driver behind it.
        """
        try:
            pynvml.nvmlLib = ctypes.CDLL(library)
        except OSError as error:
            meaning = Unreadable if os.sep in library and os.path.exists(library) else NoDriver  # noqa: PTH110 - a plain question
            raise meaning(f"--nvml.library {library}: {error}") from None
        _call("nvmlInit")

    def driver_version(self) -> str:
        """Return the kernel driver's version."""
        return _text("nvmlSystemGetDriverVersion")

    def nvml_version(self) -> str:
        """Return the library's version."""
        return _text("nvmlSystemGetNVMLVersion")

    def cuda_version(self) -> str:
        """Return the newest CUDA version that the driver supports, as `13.0`."""
        version = _number("nvmlSystemGetCudaDriverVersion_v2")
        return f"{version // 1000}.{version % 1000 // 10}"

    def count(self) -> int:
        """Return how many GPUs the driver knows, lost ones among them."""
        return _number("nvmlDeviceGetCount")

    def by_index(self, index: int) -> Any:
        """Return the handle of a GPU by its index, which moves when a card is lost."""
        return _call("nvmlDeviceGetHandleByIndex", index)

    def slot(self, index: int) -> str:
        """Return the PCI function of a GPU by its index."""
        return _pci_bus_id(self.by_index(index))

    def by_pci_bus_id(self, pci_bus_id: str) -> Any:
        """Return the handle of the GPU in a slot."""
        return _call("nvmlDeviceGetHandleByPciBusId", pci_bus_id)


class Gpu:
    """One GPU, opened; `procfs` is the /proc of the node it is in."""

    def __init__(self, handle: Any, procfs: str) -> None:
        """Learn the identity that every sample carries."""
        self._handle = handle
        self._events: Any = None
        self._fields: dict[int, Any] = {}
        self.procfs = procfs
        self.uuid = _text("nvmlDeviceGetUUID", handle)
        self.index = _number("nvmlDeviceGetIndex", handle)

    def sample(self, metric: Metric, value: float, *labels: str) -> Sample:
        """Return a sample of this GPU."""
        return Sample(metric, (str(self.index), self.uuid, *labels), value)

    def begin(self) -> None:
        """Begin a cycle: what fields said in the one before is forgotten."""
        self._fields = {}

    def field(self, field: Field) -> float:
        """Return a field's value, in NVML's unit; the first one asked for in a cycle reads all."""
        if not self._fields:
            told = _call("nvmlDeviceGetFieldValues", self._handle, list(Field))
            self._fields = {value.fieldId: value for value in told}
        return _field_value(field, self._fields[field])

    def number(self, name: str, *arguments: int, most: int = _MOST) -> int:
        """Return the number that a function of pynvml gives of this GPU, in NVML's unit.

        Unreadable where it is beyond `most`: nonsense must not become a value.
        """
        value = _number(name, self._handle, *arguments)
        if value > most:
            raise Unreadable(f"{name}: {value} is beyond {most}")
        return value

    def numbers(self, name: str) -> tuple[int, ...]:
        """Return the numbers that a function of pynvml with several results gives."""
        return _available(name, *_call(name, self._handle))

    def record(self, name: str) -> dict[str, int]:
        """Return the members of the structure that a function of pynvml gives."""
        return _record(name, _call(name, self._handle))

    def sram_ecc(self) -> dict[str, int]:
        """Return the SRAM's error status; pynvml leaves the pointer to its caller."""
        name, status = "nvmlDeviceGetSramEccErrorStatus", pynvml.c_nvmlEccSramErrorStatus_v1_t()
        _call(name, self._handle, ctypes.byref(status))
        return _record(name, status)

    def name(self) -> str:
        """Return the product's name."""
        return _text("nvmlDeviceGetName", self._handle)

    def serial(self) -> str:
        """Return the board's serial number."""
        return _text("nvmlDeviceGetSerial", self._handle)

    def vbios(self) -> str:
        """Return the VBIOS version."""
        return _text("nvmlDeviceGetVbiosVersion", self._handle)

    def pci_bus_id(self) -> str:
        """Return the PCI function as sysfs names it: 0000:18:00.0."""
        return _pci_bus_id(self._handle)

    def memory(self) -> Memory:
        """Return the memory; older drivers count what is reserved as used."""
        try:
            now = _call("nvmlDeviceGetMemoryInfo", self._handle, pynvml.nvmlMemory_v2)
            reserved = int(now.reserved)
        except Absent:
            now = _call("nvmlDeviceGetMemoryInfo", self._handle)
            reserved = None
        memory = Memory(
            total=int(now.total), used=int(now.used), free=int(now.free), reserved=reserved
        )
        if max(memory.used, memory.free, reserved or 0) > memory.total:
            raise Unreadable(f"nvmlDeviceGetMemoryInfo: {memory} does not add up")
        return memory

    def utilization(self) -> Utilization:
        """Return the utilisation; it is not available under MIG."""
        rates = _call("nvmlDeviceGetUtilizationRates", self._handle)
        gpu, memory = _available("nvmlDeviceGetUtilizationRates", rates.gpu, rates.memory)
        percent = Utilization(gpu=gpu, memory=memory)
        if max(percent.gpu, percent.memory) > 100:  # noqa: PLR2004 - percent
            raise Unreadable(f"nvmlDeviceGetUtilizationRates: {percent} is beyond 100 percent")
        return percent

    def temperature(self) -> int:
        """Return the die's temperature in °C."""
        sensor = pynvml.NVML_TEMPERATURE_GPU
        return self.number("nvmlDeviceGetTemperature", sensor, most=_HOTTEST)

    def watch_xids(self) -> bool:
        """Have Xid events queued from now on; Absent where this GPU has none.

        One unsupported bit in the mask registers nothing (nvml.h), hence the question first.
        """
        if self._events is None:
            supported = _number("nvmlDeviceGetSupportedEventTypes", self._handle)
            wanted = supported & pynvml.nvmlEventTypeXidCriticalError
            if not wanted:
                raise Absent("nvmlDeviceGetSupportedEventTypes: no Xid events")
            events = _call("nvmlEventSetCreate")
            _call("nvmlDeviceRegisterEvents", self._handle, wanted, events)
            self._events = events
        return True

    def next_xid(self) -> int | None:
        """Return the next queued Xid, None where none is left; call `watch_xids` before."""
        try:
            event = _call("nvmlEventSetWait_v2", self._events, 0)
        except _TimedOut:
            return None
        return int(event.eventData)


def _pci_bus_id(handle: Any) -> str:
    """Return the PCI function of a handle as sysfs names it; NVML writes the domain in 8 digits."""
    domain, _, rest = _text_of(_call("nvmlDeviceGetPciInfo", handle).busId).partition(":")
    return f"{domain[-4:] if domain.startswith('0000') else domain}:{rest}".lower()


def _text_of(value: bytes | str) -> str:
    return value.decode("ascii", "replace") if isinstance(value, bytes) else value
