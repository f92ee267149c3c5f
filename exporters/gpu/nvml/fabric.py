"""The GPU's registration with the NVLink fabric, as the fabric manager does it."""

import ctypes
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import pynvml

from exporters.errors import Absent
from exporters.gpu.nvml.calls import call

_CALL = "nvmlDeviceGetGpuFabricInfoV"


@dataclass(frozen=True, slots=True, kw_only=True)
class Registration:
    """What nvmlGpuFabricInfoV_t says, in its own numbers; `summary` is 0 on older drivers."""

    state: int
    status: int
    cluster: UUID
    clique: int
    health: int
    summary: int


def registration(handle: Any) -> Registration:
    """Return the registration; drivers before the structure's third version have no summary."""
    try:
        told = _told(handle, pynvml.c_nvmlGpuFabricInfo_v3_t())
    except Absent:
        told = _told(handle, pynvml.c_nvmlGpuFabricInfo_v2_t())
    return Registration(
        state=int(told.state),
        status=int(told.status),
        cluster=UUID(bytes=bytes(told.clusterUuid)),
        clique=int(told.cliqueId),
        health=int(told.healthMask),
        summary=int(getattr(told, "healthSummary", 0)),
    )


def _told(handle: Any, info: Any) -> Any:
    call(_CALL, handle, ctypes.byref(info))
    return info
