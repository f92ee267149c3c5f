"""Licences of vGPU software."""

import ctypes
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from exporters.errors import Unreadable
from exporters.gpu.nvml.calls import call, member, text

_UNLICENSED, _LICENSED = 4, 5
"""NVML_GRID_LICENSE_STATE_UNLICENSED and _LICENSED."""

_EXPIRES = 2
"""NVML_GRID_LICENSE_EXPIRY_VALID; every other status says that there is no date, or none known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class License:
    """A licence: a guest's for its GPU (`vgpu` empty), or a host's for a vGPU (`product` empty).

    `state` is one of NVML_GRID_LICENSE_STATE_…, `expiry` unix time, None where there is none.
    """

    vgpu: str
    product: str
    state: int
    expiry: float | None


class Licenses:
    """The licences of one GPU."""

    def __init__(self, handle: Any) -> None:
        """Take the GPU's handle."""
        self._handle = handle

    def of_guest(self) -> Iterator[License]:
        """Yield a guest's licences; none on bare metal, nor for a feature that is not enabled."""
        name = "nvmlDeviceGetGridLicensableFeatures"
        told = call(name, self._handle)
        features = told.gridLicensableFeatures
        for feature in features[: min(told.licensableFeaturesCount, len(features))]:
            if told.isGridLicenseSupported and feature.featureEnabled:
                yield License(
                    vgpu="",
                    product=member(name, feature, "productName"),
                    state=_LICENSED if feature.featureState else _UNLICENSED,
                    expiry=_expiry(name, feature.licenseExpiry),
                )

    def vgpus(self) -> tuple[int, ...]:
        """Return the handles of the vGPUs that a host runs on the GPU; Absent elsewhere."""
        return tuple(call("nvmlDeviceGetActiveVgpus", self._handle))

    def of_vgpu(self, vgpu: int) -> License:
        """Return the licence of a vGPU, as its guest told the host."""
        name = "nvmlVgpuInstanceGetLicenseInfo"
        told = call(name, ctypes.c_uint(vgpu))
        return License(
            vgpu=text("nvmlVgpuInstanceGetUUID", ctypes.c_uint(vgpu)),
            product="",
            state=told.currentState,
            expiry=_expiry(name, told.licenseExpiry),
        )


def _expiry(name: str, told: Any) -> float | None:
    """Return when a licence expires; NVML gives the calendar's date and time in UTC."""
    if told.status != _EXPIRES:
        return None
    parts = (told.year, told.month, told.day, told.hour, told.min, told.sec)
    try:
        expiry = datetime(*parts, tzinfo=UTC).timestamp()
    except (ValueError, OverflowError) as problem:
        raise Unreadable(f"{name}: expiry {parts}: {problem}") from None
    if expiry <= 0:
        raise Unreadable(f"{name}: expiry {parts} is before there were licences")
    return expiry
