"""MIG: whether a GPU is divided, and into which devices."""

from dataclasses import dataclass
from typing import Any

from exporters.errors import Absent, Unreadable
from exporters.gpu.nvml.calls import NotFound, available, call, number, text

_MODE = "nvmlDeviceGetMigMode"
_MOST = "nvmlDeviceGetMaxMigDeviceCount"
_PLACES = 64
"""Far more than any GPU divides into."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Instance:
    """A MIG device: a compute instance in a GPU instance."""

    handle: Any
    uuid: str
    gpu_instance: int
    compute_instance: int
    profile: str
    """As `1g.10gb`; empty where the driver's name for the device does not hold it."""


class Division:
    """How a GPU is divided."""

    def __init__(self, handle: Any) -> None:
        """Take the GPU's handle."""
        self._handle = handle
        self._on: bool | None = None
        self._instances: tuple[Instance, ...] | None = None

    def forget(self) -> None:
        """Begin a cycle: the GPU may have been divided anew."""
        self._on = self._instances = None

    def modes(self) -> tuple[bool, bool]:
        """Return whether MIG is on, and whether it will be after a reset; Absent before Ampere."""
        told = available(_MODE, *call(_MODE, self._handle))
        if any(mode > 1 for mode in told):
            raise Unreadable(f"{_MODE}: there is no mode {max(told)}")
        current, pending = told
        return bool(current), bool(pending)

    def instances(self) -> tuple[Instance, ...]:
        """Return the MIG devices, none where MIG is off; listed once a cycle."""
        if self._instances is None:
            self._instances = tuple(self._listed()) if self.is_on() else ()
        return self._instances

    def is_on(self) -> bool:
        """Return whether MIG is on; asked once a cycle."""
        if self._on is None:
            try:
                self._on = self.modes()[0]
            except Absent:
                self._on = False
        return self._on

    def _listed(self) -> list[Instance]:
        """Ask for each place in turn: there is no list, and handles change with the division."""
        most = number(_MOST, self._handle)
        if most > _PLACES:
            raise Unreadable(f"{_MOST}: {most} is beyond {_PLACES}")
        found = []
        for place in range(most):
            try:
                handle = call("nvmlDeviceGetMigDeviceHandleByIndex", self._handle, place)
            except NotFound:
                continue
            found.append(_instance(handle))
        return found


def _instance(handle: Any) -> Instance:
    return Instance(
        handle=handle,
        uuid=text("nvmlDeviceGetUUID", handle),
        gpu_instance=number("nvmlDeviceGetGpuInstanceId", handle),
        compute_instance=number("nvmlDeviceGetComputeInstanceId", handle),
        profile=text("nvmlDeviceGetName", handle).partition(" MIG ")[2],
    )
