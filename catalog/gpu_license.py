"""Metrics of vGPU software licences: a guest's for its GPU, a host's for each of its vGPUs."""

from catalog.gpu import DEVICE
from catalog.metrics import Metric, gauge

VGPU = (*DEVICE, "vgpu", "product")
"""`vgpu` is a vGPU's uuid on its host, empty in a guest; `product` is named in a guest only."""

LICENSE_STATES = (
    "unknown",
    "uninitialized",
    "unlicensed_unrestricted",
    "unlicensed_restricted",
    "unlicensed",
    "licensed",
)
"""NVML_GRID_LICENSE_STATE_…, from 0 on."""

GPU_VGPU_LICENSE = gauge(
    "railwatch_gpu_vgpu_license",
    "1 for the state a vGPU software licence is in, 0 for every other; without one, a vGPU's "
    "performance is soon restricted. A guest tells licensed and unlicensed only.",
    labels=(*VGPU, "state"),
    source="nvmlDeviceGetGridLicensableFeatures; nvmlVgpuInstanceGetLicenseInfo: currentState",
    states=LICENSE_STATES,
)
GPU_VGPU_LICENSE_EXPIRY = gauge(
    "railwatch_gpu_vgpu_license_expiry_timestamp_seconds",
    "When the licence expires; none for one that does not, or whose expiry is not known.",
    labels=VGPU,
    unit="seconds",
    source="nvmlDeviceGetGridLicensableFeatures; nvmlVgpuInstanceGetLicenseInfo: licenseExpiry",
)

METRICS: tuple[Metric, ...] = (GPU_VGPU_LICENSE, GPU_VGPU_LICENSE_EXPIRY)
