"""One GPU: the calls that several facilities make of it, and those with a structure to them."""

import ctypes
from dataclasses import dataclass
from functools import partial
from typing import Any

import pynvml

from catalog.metrics import Metric
from exporters.errors import Absent, Unreadable
from exporters.gpu.fields import Field, LinkField
from exporters.gpu.nvml import calls
from exporters.gpu.nvml.calls import available, call, text
from exporters.gpu.nvml.division import Division, Instance
from exporters.gpu.nvml.events import Events
from exporters.gpu.nvml.fabric import Registration, registration
from exporters.gpu.nvml.field_values import field_value
from exporters.gpu.nvml.gpm import Gpm
from exporters.gpu.nvml.licenses import Licenses
from exporters.gpu.nvml.links import Links, NvLinks
from exporters.gpu.nvml.process_utilization import utilizations
from exporters.gpu.nvml.processes import Process, processes
from exporters.sample import Sample

_MOST = 2**64
_HOTTEST = 200
"""°C; NVML gives an unsigned number, so that a negative reading comes as one far beyond."""

_C2C = tuple(field for field in LinkField if field.name.startswith("C2C_"))


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


class Gpu:
    """One GPU, opened; `procfs` is the /proc of the node it is in."""

    def __init__(self, handle: Any, procfs: str) -> None:
        """Learn the identity that every sample carries."""
        self.handle = handle
        self._fields: dict[int, Any] = {}
        self.division = Division(handle)
        self.events = Events(handle)
        self.gpm = Gpm(handle)
        self.licenses = Licenses(handle)
        self.nvlinks = NvLinks(handle, partial(self.field, Field.NVLINK_LINK_COUNT))
        self.c2c = Links(handle, _C2C, partial(self.field, Field.C2C_LINK_COUNT))
        width = partial(self.number, "nvmlDeviceGetMaxPcieLinkWidth")
        self.lanes = Links(handle, (LinkField.PCIE_COUNT_LANE_ERROR,), width)
        self.procfs = procfs
        self.uuid = text("nvmlDeviceGetUUID", handle)
        self.index = calls.number("nvmlDeviceGetIndex", handle)

    def sample(self, metric: Metric, value: float, *labels: str) -> Sample:
        """Return a sample of this GPU."""
        return Sample(metric, (str(self.index), self.uuid, *labels), value)

    def begin(self) -> None:
        """Begin a cycle: what fields said in the one before is forgotten."""
        self._fields = {}
        self.division.forget()
        self.gpm.forget()
        self.nvlinks.forget()
        self.c2c.forget()
        self.lanes.forget()

    def field(self, field: Field) -> float:
        """Return a field's value, in NVML's unit; the first one asked for in a cycle reads all."""
        if not self._fields:
            told = call("nvmlDeviceGetFieldValues", self.handle, list(Field))
            self._fields = {value.fieldId: value for value in told}
        return field_value(f"NVML_FI_DEV_{field.name}", self._fields[field])

    def number(self, name: str, *arguments: int, most: int = _MOST) -> int:
        """Return the number that a function of pynvml gives of this GPU, in NVML's unit.

        Unreadable where it is beyond `most`: nonsense must not become a value.
        """
        value = calls.number(name, self.handle, *arguments)
        if value > most:
            raise Unreadable(f"{name}: {value} is beyond {most}")
        return value

    def numbers(self, name: str, *arguments: int) -> tuple[int, ...]:
        """Return the numbers that a function of pynvml with several results gives."""
        return available(name, *call(name, self.handle, *arguments))

    def record(self, name: str) -> dict[str, int]:
        """Return the members of the structure that a function of pynvml gives."""
        return calls.record(name, call(name, self.handle))

    def sram_ecc(self) -> dict[str, int]:
        """Return the SRAM's error status; pynvml leaves the pointer to its caller."""
        name, status = "nvmlDeviceGetSramEccErrorStatus", pynvml.c_nvmlEccSramErrorStatus_v1_t()
        call(name, self.handle, ctypes.byref(status))
        return calls.record(name, status)

    def unrepairable_memory(self) -> bool:
        """Return whether the GPU has memory that cannot be repaired.

        As nvml.h has it: pynvml takes the structure for one with a version before the number.
        """
        name = "nvmlDeviceGetUnrepairableMemoryFlag_v1"
        return bool(calls.filled(name, self.handle))

    def fabric(self) -> Registration:
        """Return the registration with the NVLink fabric. Hopper and newer."""
        return registration(self.handle)

    def text(self, name: str) -> str:
        """Return the text that a function of pynvml gives."""
        return text(name, self.handle)

    def name(self) -> str:
        """Return the product's name."""
        return text("nvmlDeviceGetName", self.handle)

    def serial(self) -> str:
        """Return the board's serial number."""
        return text("nvmlDeviceGetSerial", self.handle)

    def vbios(self) -> str:
        """Return the VBIOS version."""
        return text("nvmlDeviceGetVbiosVersion", self.handle)

    def pci_bus_id(self) -> str:
        """Return the PCI function as sysfs names it: 0000:18:00.0."""
        return calls.pci_bus_id(self.handle)

    def memory(self, instance: Instance | None = None) -> Memory:
        """Return the memory, or a MIG device's; older drivers count what is reserved as used."""
        handle = instance.handle if instance else self.handle
        try:
            now = call("nvmlDeviceGetMemoryInfo", handle, pynvml.nvmlMemory_v2)
            reserved = int(now.reserved)
        except Absent:
            now = call("nvmlDeviceGetMemoryInfo", handle)
            reserved = None
        memory = Memory(
            total=int(now.total), used=int(now.used), free=int(now.free), reserved=reserved
        )
        if max(memory.used, memory.free, reserved or 0) > memory.total:
            raise Unreadable(f"nvmlDeviceGetMemoryInfo: {memory} does not add up")
        return memory

    def processes(self, name: str, instance: Instance | None = None) -> tuple[Process, ...]:
        """Return the processes of the GPU, or of a MIG device, that a function of pynvml lists."""
        return processes(name, instance.handle if instance else self.handle)

    def process_utilization(self, since: float) -> dict[int, float]:
        """Return the utilisation of each process since a unix time, by PID, 0 to 1."""
        return utilizations(self.handle, since)

    def utilization(self) -> Utilization:
        """Return the utilisation; it is not available under MIG."""
        rates = call("nvmlDeviceGetUtilizationRates", self.handle)
        gpu, memory = available("nvmlDeviceGetUtilizationRates", rates.gpu, rates.memory)
        percent = Utilization(gpu=gpu, memory=memory)
        if max(percent.gpu, percent.memory) > 100:  # noqa: PLR2004 - percent
            raise Unreadable(f"nvmlDeviceGetUtilizationRates: {percent} is beyond 100 percent")
        return percent

    def temperature(self) -> int:
        """Return the die's temperature in °C."""
        sensor = pynvml.NVML_TEMPERATURE_GPU
        return self.number("nvmlDeviceGetTemperature", sensor, most=_HOTTEST)
