"""Metrics of a GPU's clocks, and of what holds them down."""

from catalog.gpu import DEVICE
from catalog.metrics import Metric, counter, gauge

GPU_CLOCK = gauge(
    "railwatch_gpu_clock_hertz",
    "Clock by domain (graphics, sm, memory, video), now.",
    labels=(*DEVICE, "domain"),
    unit="hertz",
    source="nvmlDeviceGetClockInfo (MHz)",
)
GPU_CLOCK_MAX = gauge(
    "railwatch_gpu_clock_max_hertz",
    "Highest clock by domain (graphics, sm, memory, video).",
    labels=(*DEVICE, "domain"),
    unit="hertz",
    source="nvmlDeviceGetMaxClockInfo (MHz)",
)
GPU_CLOCKS_LIMITED = gauge(
    "railwatch_gpu_clocks_limited",
    "1 for each reason that holds the clocks down now, 0 for each other one that this GPU knows; "
    "several may hold at once, and `unknown` stands for those that have no name here.",
    labels=(*DEVICE, "reason"),
    source="nvmlDeviceGetCurrentClocksEventReasons, GetSupportedClocksEventReasons",
)
GPU_CLOCKS_LIMITED_SECONDS = counter(
    "railwatch_gpu_clocks_limited_seconds_total",
    "Time for which a reason held the clocks down, as the driver counts it.",
    labels=(*DEVICE, "reason"),
    unit="seconds",
    source="fields NVML_FI_DEV_CLOCKS_EVENT_REASON_*, NVML_FI_DEV_PERF_POLICY_* (nanoseconds)",
)

METRICS: tuple[Metric, ...] = (
    GPU_CLOCK,
    GPU_CLOCK_MAX,
    GPU_CLOCKS_LIMITED,
    GPU_CLOCKS_LIMITED_SECONDS,
)
