"""What alerts read of the programs that queue, run and feed jobs, beside `neighbours`."""

from collections.abc import Mapping

from catalog.foreign import Foreign, foreign
from catalog.labels import NAMESPACE, NODE
from catalog.metrics import Kind

_GAUGE, _COUNTER, _HISTOGRAM = Kind.GAUGE, Kind.COUNTER, Kind.HISTOGRAM
_KUEUE = "kubernetes-sigs/kueue: pkg/metrics/metrics.go"


def _kueue(name: str, text: str, *labels: str, kind: Kind = _GAUGE) -> Foreign:
    return foreign(f"kueue_{name}", kind, text, labels=("cluster_queue", *labels), source=_KUEUE)


KUEUE_PENDING = _kueue(
    "pending_workloads", "Workloads that wait in a ClusterQueue, by status.", "status"
)
KUEUE_ADMITTED = _kueue(
    "admitted_workloads_total", "Workloads that a ClusterQueue admitted.", kind=_COUNTER
)
KUEUE_STATUS = _kueue(
    "cluster_queue_status",
    "1 for the status of a ClusterQueue: pending, active or terminating.",
    "status",
)
_QUOTA = ("cohort", "flavor", "resource")
KUEUE_USED = _kueue(
    "cluster_queue_resource_usage",
    "What of a resource a ClusterQueue uses, where Kueue is told enableClusterQueueResources.",
    *_QUOTA,
)
KUEUE_QUOTA = _kueue(
    "cluster_queue_nominal_quota",
    "What of a resource a ClusterQueue may use by itself, where Kueue is told the same.",
    *_QUOTA,
)


def _volcano(name: str, text: str, *labels: str, path: str) -> Foreign:
    source = f"volcano-sh/volcano: {path}"
    labels = ("queue_name", *labels)
    return foreign(f"volcano_queue_{name}", _GAUGE, text, labels=labels, source=source)


_SCHEDULER = "pkg/scheduler/metrics/queue.go"
VOLCANO_PENDING = _volcano(
    "pod_group_pending_count",
    "Pod groups that wait in a queue.",
    path="pkg/controllers/metrics/queue.go",
)
VOLCANO_ALLOCATED = _volcano(
    "allocated_scalar_resources",
    "What of a resource a queue has, in thousandths.",
    "resource",
    path=_SCHEDULER,
)
VOLCANO_DESERVED = _volcano(
    "deserved_scalar_resources",
    "What of a resource is a queue's share of what it asks for, in thousandths.",
    "resource",
    path=_SCHEDULER,
)

_VLLM = "vllm-project/vllm: vllm/v1/metrics/loggers.py"
_MODEL = (NAMESPACE, "model_name", "engine")
VLLM_WAITING = foreign(
    "vllm:num_requests_waiting",
    _GAUGE,
    "Requests that an engine has not begun.",
    labels=_MODEL,
    source=_VLLM,
)
VLLM_CACHE = foreign(
    "vllm:kv_cache_usage_perc",
    _GAUGE,
    "Share of an engine's cache of keys and values that is in use; 1 is all.",
    labels=_MODEL,
    source=_VLLM,
)
VLLM_CACHE_BEFORE = foreign(
    "vllm:gpu_cache_usage_perc",
    _GAUGE,
    "The same under the name it had before.",
    labels=_MODEL,
    source=_VLLM,
)


def _triton(name: str, text: str) -> Foreign:
    source = "triton-inference-server/core: src/metrics.cc"
    labels = (NAMESPACE, "model", "version")
    return foreign(f"nv_inference_request_{name}", _COUNTER, text, labels=labels, source=source)


TRITON_SERVED = _triton("success", "Requests that a model answered.")
TRITON_FAILED = _triton("failure", "Requests that a model did not answer.")


def _ray(name: str, text: str, *labels: str) -> Foreign:
    source = "ray-project/ray: src/ray/stats/metric_defs.cc"
    return foreign(f"ray_{name}", _GAUGE, text, labels=(NAMESPACE, *labels), source=source)


RAY_TASKS = _ray(
    "tasks", "Tasks by state.", *("State", "Name", "Source", "IsRetry", "JobId", "SessionName")
)
RAY_RESOURCES = _ray(
    "resources", "What nodes of a Ray cluster have, used or not.", "Name", "State", "SessionName"
)

_JUICEFS = "juicedata/juicefs: docs/en/reference/p8s_metrics.md"
JUICEFS_REQUESTS = foreign(
    "juicefs_object_request_durations_histogram_seconds",
    _HISTOGRAM,
    "Time of requests to the object store.",
    labels=(NODE, "vol_name", "mp", "method"),
    source=_JUICEFS,
)


def _alluxio(name: str, text: str) -> Foreign:
    source = "Alluxio/alluxio: core/common/src/main/java/alluxio/metrics/MetricKey.java"
    return foreign(f"Cluster_{name}", _GAUGE, text, labels=(NAMESPACE,), source=source)


ALLUXIO_USED = _alluxio("CapacityUsed", "Bytes in the cache of an Alluxio cluster.")
ALLUXIO_TOTAL = _alluxio("CapacityTotal", "Bytes that this cache can hold.")
DRAGONFLY_SOURCE_REQUESTS = foreign(
    "dragonfly_client_backend_request_total",
    _COUNTER,
    "Requests to the registry.",
    labels=(NODE, "scheme", "method"),
    source="dragonflyoss/client: dragonfly-client/src/metrics/mod.rs",
)

JOB_NEIGHBOURS: Mapping[str, tuple[Foreign, ...]] = {
    "kueue": (KUEUE_PENDING, KUEUE_ADMITTED, KUEUE_STATUS, KUEUE_USED, KUEUE_QUOTA),
    "volcano": (VOLCANO_PENDING, VOLCANO_ALLOCATED, VOLCANO_DESERVED),
    "vllm": (VLLM_WAITING, VLLM_CACHE, VLLM_CACHE_BEFORE),
    "triton": (TRITON_SERVED, TRITON_FAILED),
    "ray": (RAY_TASKS, RAY_RESOURCES),
    "juicefs": (JUICEFS_REQUESTS,),
    "alluxio": (ALLUXIO_USED, ALLUXIO_TOTAL),
    "dragonfly": (DRAGONFLY_SOURCE_REQUESTS,),
}
"""By the program that exposes them."""
