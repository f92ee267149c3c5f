"""What a healthy, idle GPU of each model says; where its cards sit on an eight-GPU baseboard."""

from collections.abc import Mapping
from dataclasses import dataclass

from testbed.nvml.layout import ABSENT

XID = 0x8
"""nvmlEventTypeXidCriticalError."""

DRIVER = "580.95.05"
CUDA = 13_000
"""Versions of the simulated driver; CUDA 13.0 as NVML writes it."""

_EVENTS = 0x1F
"""Single- and double-bit ECC, performance state, Xid, clock."""

_MIB = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """A model of GPU; `values` are the GPU's fields in layout.py that identity does not give."""

    name: str
    vbios: str
    buses: tuple[int, ...]
    values: Mapping[str, int]


_HOPPER = {
    "event_types": _EVENTS,
    "memory_used": 0,
    "utilization": 0,
    "memory_utilization": 0,
    "temperature": 31,
    "memory_temperature": 42,
    "power": 72_000,
    "power_limit": 700_000,
    "power_limit_default": 700_000,
    "power_limit_min": 200_000,
    "power_limit_max": 700_000,
    "clock_graphics": 345,
    "clock_sm": 345,
    "clock_video": 765,
    "clock_graphics_max": 1980,
    "clock_sm_max": 1980,
    "clock_video_max": 1545,
    "performance_state": 0,
    "persistence_mode": 1,
    "ecc_mode": 1,
    "temperature_shutdown": ABSENT,
    "temperature_slowdown": ABSENT,
    "temperature_memory_max": ABSENT,
    "temperature_gpu_max": ABSENT,
    "temperature_margin": 55,
    "margin_shutdown": -8,
    "margin_slowdown": -2,
    "margin_memory_max": 0,
    "margin_gpu_max": 0,
    "fans": ABSENT,
    "clocks_limited": 0x1,
    "clocks_limitable": 0x7FF,
    "pcie_generation": 5,
    "pcie_generation_max": 5,
    "pcie_lanes": 16,
    "pcie_lanes_max": 16,
    "banks_max": 640,
    "retired_single_bit": ABSENT,
    "retired_double_bit": ABSENT,
    "retired_pending": ABSENT,
}
_HGX_BUSES = (0x1B, 0x43, 0x52, 0x61, 0x9D, 0xC3, 0xD1, 0xDF)

PROFILES: Mapping[str, Profile] = {
    "H100": Profile(
        name="NVIDIA H100 80GB HBM3",
        vbios="96.00.89.00.01",
        buses=_HGX_BUSES,
        values=_HOPPER
        | {
            "pci_device_id": 0x2330_10DE,
            "pci_subsystem_id": 0x16C1_10DE,
            "memory_total": 81_559 * _MIB,
            "memory_reserved": 551 * _MIB,
            "bar1_total": 131_072 * _MIB,
            "clock_memory": 2619,
            "clock_memory_max": 2619,
        },
    ),
    "H200": Profile(
        name="NVIDIA H200",
        vbios="96.00.C1.00.05",
        buses=_HGX_BUSES,
        values=_HOPPER
        | {
            "pci_device_id": 0x2335_10DE,
            "pci_subsystem_id": 0x18BE_10DE,
            "memory_total": 143_771 * _MIB,
            "memory_reserved": 610 * _MIB,
            "bar1_total": 262_144 * _MIB,
            "clock_memory": 3201,
            "clock_memory_max": 3201,
        },
    ),
}
