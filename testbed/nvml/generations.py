"""What the cards of each generation say alike, healthy and idle; and what they do not have.

After `nvidia-smi -q` of such cards as their users publish it, and what nvml.h says from which
generation on a call is there. What NVML says beyond that differs by driver and is as on Hopper.
"""

from collections.abc import Mapping

from testbed.nvml.layout import ABSENT, NONE_SIGNED, OPTIONAL, SIGNED

Values = Mapping[str, int]

_EVENTS = 0x1F
"""Single- and double-bit ECC, performance state, Xid, clock."""


def without(*prefixes: str) -> dict[str, int]:
    """Return the values of a card that lacks whatever begins like this."""
    lacks = {name: ABSENT for name in OPTIONAL if name.startswith(prefixes)}
    return lacks | {name: NONE_SIGNED for name in SIGNED if name.startswith(prefixes)}


_ALL = {
    "event_types": _EVENTS,
    "memory_used": 0,
    "utilization": 0,
    "memory_utilization": 0,
    "performance_state": 0,
    "persistence_mode": 1,
    "ecc_mode": 1,
    "clocks_limited": 0x1,
    "clocks_limitable": 0x7FF,
    "pcie_lanes": 16,
    "pcie_lanes_max": 16,
    **without("fans", "vgpu_host", "nvlink", "c2c", "fabric", "unrepairable"),
    **without("remapped_bank"),
    **without("pcie_tx", "pcie_rx"),
    "gsp_enabled": 1,
}
"""Passively cooled, not a host of vGPUs, linked to others by PCIe alone."""

_FABRIC = {"fabric_structure": 3, "fabric_state": 3, "fabric_clique": 0, "fabric_status": 0}
"""Registered with the fabric manager."""

HOPPER: Values = {
    **_ALL,
    **without("retired", "temperature"),
    "gpm_supported": 1,
    "nvlinks": 18,
    "nvlink_version": 6,
    **_FABRIC,
    "fabric_health": 0,
    "fabric_summary": 0,
    "unrepairable_memory": 0,
    "pcie_tx_bytes": 0,
    "pcie_rx_bytes": 0,
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
    "temperature_margin": 55,
    "margin_shutdown": -8,
    "margin_slowdown": -2,
    "margin_memory_max": 0,
    "margin_gpu_max": 0,
    "pcie_generation": 5,
    "pcie_generation_max": 5,
    "banks_max": 640,
}
"""It tells margins in the place of temperatures to stay below."""

BLACKWELL: Values = {
    **HOPPER,
    "nvlink_version": 7,
    "fabric_health": 0x1AA,
    "fabric_summary": 1,
    "power": 190_000,
    "power_limit": 1_000_000,
    "power_limit_default": 1_000_000,
    "power_limit_max": 1_000_000,
    "clock_graphics": 120,
    "clock_sm": 120,
    "clock_graphics_max": 1965,
    "clock_sm_max": 1965,
    "margin_shutdown": -5,
    "margin_slowdown": -3,
    "banks_max": 1024,
}

ADA: Values = {
    **_ALL,
    **without("retired", "temperature", "memory_temperature", "margin_memory", "mig"),
    "temperature": 36,
    "power": 35_000,
    "power_limit": 350_000,
    "power_limit_default": 350_000,
    "power_limit_min": 100_000,
    "power_limit_max": 350_000,
    "clock_graphics": 210,
    "clock_sm": 210,
    "clock_video": 1185,
    "clock_graphics_max": 2520,
    "clock_sm_max": 2520,
    "clock_video_max": 1965,
    "temperature_margin": 51,
    "margin_shutdown": -5,
    "margin_slowdown": -2,
    "margin_gpu_max": 0,
    "pcie_generation": 4,
    "pcie_generation_max": 4,
    "banks_max": 192,
}
"""No GPM, no MIG, no NVLink, GDDR memory without a thermometer."""

AMPERE: Values = {
    **_ALL,
    **without("retired", "margin", "temperature_margin"),
    "nvlinks": 12,
    "nvlink_version": 4,
    "temperature": 30,
    "memory_temperature": 36,
    "temperature_shutdown": 92,
    "temperature_slowdown": 89,
    "temperature_memory_max": 95,
    "temperature_gpu_max": 85,
    "power": 58_000,
    "power_limit": 400_000,
    "power_limit_default": 400_000,
    "power_limit_min": 100_000,
    "power_limit_max": 400_000,
    "clock_graphics": 210,
    "clock_sm": 210,
    "clock_video": 585,
    "clock_graphics_max": 1410,
    "clock_sm_max": 1410,
    "clock_video_max": 1290,
    "pcie_generation": 4,
    "pcie_generation_max": 4,
    "banks_max": 640,
}
"""MIG, but no GPM."""

TURING: Values = {
    **_ALL,
    **without(
        "remapped",
        "banks",
        "margin",
        "temperature_m",
        "memory_temperature",
        "sram",
        "jpeg",
        "ofa",
        "mig",
        "recovery_action",
        "repair",
    ),
    "temperature": 34,
    "temperature_shutdown": 96,
    "temperature_slowdown": 93,
    "temperature_gpu_max": 85,
    "power": 9_000,
    "power_limit": 70_000,
    "power_limit_default": 70_000,
    "power_limit_min": 60_000,
    "power_limit_max": 70_000,
    "clock_graphics": 300,
    "clock_sm": 300,
    "clock_video": 540,
    "clock_graphics_max": 1590,
    "clock_sm_max": 1590,
    "clock_video_max": 1470,
    "performance_state": 8,
    "pcie_generation": 1,
    "pcie_generation_max": 3,
}
"""It retires pages rather than remap rows, and its idle link slows down."""
