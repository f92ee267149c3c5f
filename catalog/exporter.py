"""Metrics of the exporter about itself and its node."""

from catalog.metrics import Metric, counter, gauge

COLLECTOR = ("family", "facility")

COLLECTOR_STATES = ("starting", "ok", "absent", "failed", "hung")
"""absent: nothing of the kind here; failed: there, but unreadable; hung: past its deadline."""

COLLECTOR_STATE = gauge(
    "railwatch_exporter_collector_state",
    "1 for the state the collector is in, 0 for every other.",
    labels=(*COLLECTOR, "state"),
    source="exporter",
    states=COLLECTOR_STATES,
)
COLLECTOR_AGE = gauge(
    "railwatch_exporter_collector_age_seconds",
    "Age of the collector's last success when the snapshot was built.",
    labels=COLLECTOR,
    unit="seconds",
    source="exporter",
)
COLLECTOR_DURATION = gauge(
    "railwatch_exporter_collector_duration_seconds",
    "How long the collector's last run took.",
    labels=COLLECTOR,
    unit="seconds",
    source="exporter",
)
EXPORTER_INTERVAL = gauge(
    "railwatch_exporter_interval_seconds",
    "Interval at which the exporter reads its hardware.",
    unit="seconds",
    source="--interval",
)
EXPORTER_BUILD_INFO = gauge(
    "railwatch_exporter_build_info",
    "Version of the exporter; always 1.",
    labels=("version",),
    source="exporter",
)
WORKER_FAILURES = ("hung", "died")
"""hung: past its deadline; died: ended without an answer, as when the driver's library crashes."""

EXPORTER_WORKER_FAILURES = counter(
    "railwatch_exporter_worker_failures_total",
    "Workers that did not end their cycle, by family and cause.",
    labels=("family", "cause"),
    source="exporter",
)
EXPORTER_DUPLICATES = counter(
    "railwatch_exporter_duplicate_samples_total",
    "Samples left out because their series was in the snapshot already.",
    source="exporter",
)
NODE_BOOT_TIME = gauge(
    "railwatch_node_boot_time_seconds",
    "When the node's kernel started.",
    unit="seconds",
    source="/proc/stat btime",
)
NODE_KERNEL_LOG_LOST = counter(
    "railwatch_node_kernel_log_lost_records_total",
    "Records of the kernel's log that were overwritten before they were read, since the boot.",
    source="/dev/kmsg: gaps between sequence numbers",
)

METRICS: tuple[Metric, ...] = (
    COLLECTOR_STATE,
    COLLECTOR_AGE,
    COLLECTOR_DURATION,
    EXPORTER_INTERVAL,
    EXPORTER_BUILD_INFO,
    EXPORTER_WORKER_FAILURES,
    EXPORTER_DUPLICATES,
    NODE_BOOT_TIME,
    NODE_KERNEL_LOG_LOST,
)
