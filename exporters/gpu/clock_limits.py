"""gpu/clock_limits: what holds the clocks down, now and for how long since it is counted."""

from __future__ import annotations

from typing import TYPE_CHECKING

from catalog.gpu_clocks import GPU_CLOCKS_LIMITED, GPU_CLOCKS_LIMITED_SECONDS
from exporters.facility import Facility
from exporters.gpu.fields import Field
from exporters.gpu.kinds import each

if TYPE_CHECKING:
    from collections.abc import Iterator

    from exporters.gpu.nvml import Gpu
    from exporters.sample import Sample

_NAMES = (
    *("gpu_idle", "applications_clocks_setting", "sw_power_cap", "hw_slowdown", "sync_boost"),
    *("sw_thermal_slowdown", "hw_thermal_slowdown", "hw_power_brake_slowdown"),
    *("display_clock_setting", "board_limit", "reliability"),
)
"""nvmlClocksEventReason*, from the lowest bit up."""

REASONS = {name: 1 << bit for bit, name in enumerate(_NAMES)}

_COUNTED = {
    "sw_power_cap": Field.PERF_POLICY_POWER,
    "sync_boost": Field.PERF_POLICY_SYNC_BOOST,
    "board_limit": Field.PERF_POLICY_BOARD_LIMIT,
    "reliability": Field.PERF_POLICY_RELIABILITY,
    "sw_thermal_slowdown": Field.CLOCKS_EVENT_REASON_SW_THERM_SLOWDOWN,
    "hw_thermal_slowdown": Field.CLOCKS_EVENT_REASON_HW_THERM_SLOWDOWN,
    "hw_power_brake_slowdown": Field.CLOCKS_EVENT_REASON_HW_POWER_BRAKE_SLOWDOWN,
}


def reasons(gpu: Gpu) -> Iterator[Sample]:
    """Yield each reason that this GPU knows, and whether there is one without a name."""
    known = gpu.number("nvmlDeviceGetSupportedClocksEventReasons")
    active = gpu.number("nvmlDeviceGetCurrentClocksEventReasons")
    for reason, bit in REASONS.items():
        if (known | active) & bit:
            yield gpu.sample(GPU_CLOCKS_LIMITED, bool(active & bit), reason)
    yield gpu.sample(GPU_CLOCKS_LIMITED, bool(active & ~sum(REASONS.values())), "unknown")


def seconds(gpu: Gpu) -> Iterator[Sample]:
    """Yield for how long each reason held; NVML counts nanoseconds."""
    for reason, nanoseconds in each(_COUNTED, gpu.field):
        yield gpu.sample(GPU_CLOCKS_LIMITED_SECONDS, nanoseconds / 1e9, reason)


FACILITY = Facility(
    family="gpu",
    name="clock_limits",
    reads="what holds the clocks down, and for how long",
    readings=(reasons, seconds),
)
