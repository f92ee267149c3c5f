"""What dashboards read of queues, control plane, caches and nodes, beside what alerts read.

As in `neighbours`, `source` names the owner's repository and path, and `node` and `namespace` are
target labels where the usual scrapes set them.
"""

from collections.abc import Mapping

from catalog.foreign import Foreign, foreign
from catalog.labels import NAMESPACE, NODE
from catalog.metrics import Kind

_GAUGE, _COUNTER, _HISTOGRAM = Kind.GAUGE, Kind.COUNTER, Kind.HISTOGRAM


def _kueue(name: str, kind: Kind, text: str, *labels: str) -> Foreign:
    source = "kubernetes-sigs/kueue: pkg/metrics/metrics.go"
    labels = ("cluster_queue", *labels)
    return foreign(f"kueue_{name}", kind, text, labels=labels, source=source)


KUEUE_WAIT = _kueue(
    "admission_wait_time_seconds",
    _HISTOGRAM,
    "Time from when a workload is made, or queued anew, to when it is admitted.",
)
KUEUE_EVICTED = _kueue(
    "evicted_workloads_total", _COUNTER, "Workloads that lost their quota again.", "reason"
)


def _volcano(name: str, kind: Kind, text: str, *labels: str, path: str) -> Foreign:
    source = f"volcano-sh/volcano: {path}"
    return foreign(f"volcano_{name}", kind, text, labels=labels, source=source)


_QUEUES = "pkg/controllers/metrics/queue.go"
_VOLCANO = "pkg/scheduler/metrics/metrics.go"
VOLCANO_INQUEUE = _volcano(
    "queue_pod_group_inqueue_count",
    _GAUGE,
    "Pod groups of a queue whose pods may be made, and wait for nodes.",
    "queue_name",
    path=_QUEUES,
)
VOLCANO_RUNNING = _volcano(
    "queue_pod_group_running_count",
    _GAUGE,
    "Pod groups of a queue that run.",
    "queue_name",
    path=_QUEUES,
)
VOLCANO_UNPLACED = _volcano(
    "unschedule_job_count", _GAUGE, "Jobs for which the last round found no place.", path=_VOLCANO
)
VOLCANO_LATENCY = _volcano(
    "e2e_job_scheduling_latency_milliseconds",
    _HISTOGRAM,
    "Time in which all of a job was placed.",
    path=_VOLCANO,
)


def _scheduler(name: str, kind: Kind, text: str, *labels: str) -> Foreign:
    source = "kubernetes/kubernetes: pkg/scheduler/metrics/metrics.go"
    return foreign(f"scheduler_{name}", kind, text, labels=labels, source=source)


_ATTEMPT = ("result", "profile")
SCHEDULER_PENDING = _scheduler(
    "pending_pods",
    _GAUGE,
    "Pods that wait in kube-scheduler: active and backoff are tried in turn, unschedulable once "
    "something changes, gated never while a gate is on them.",
    "queue",
)
POD_GROUP_ATTEMPTS = _scheduler(
    "podgroup_schedule_attempts_total",
    _COUNTER,
    "Attempts to place a pod group (from Kubernetes 1.36 on, with the gate GenericWorkload).",
    *_ATTEMPT,
)
POD_GROUP_DURATION = _scheduler(
    "podgroup_scheduling_attempt_duration_seconds",
    _HISTOGRAM,
    "Time of an attempt to place a pod group.",
    *_ATTEMPT,
)


def _job(name: str, text: str, *labels: str) -> Foreign:
    source = "kubernetes/kube-state-metrics: docs/metrics/workload/job-metrics.md"
    labels = (NAMESPACE, "job_name", *labels)
    return foreign(f"kube_job_{name}", _GAUGE, text, labels=labels, source=source)


JOB_ACTIVE = _job("status_active", "Pods of a Job that run.")
JOB_COMPLETE = _job("complete", "1 where a Job has done all it should.", "condition")


def _dra(name: str, kind: Kind, text: str, *labels: str) -> Foreign:
    source = "kubernetes/kubernetes: pkg/kubelet/metrics/metrics.go"
    return foreign(f"dra_{name}", kind, text, labels=(NODE, *labels), source=source)


DRA_OPERATIONS = _dra(
    "operations_duration_seconds",
    _HISTOGRAM,
    "Time in which a kubelet has all of a pod's ResourceClaims prepared, or unprepared.",
    *("operation_name", "is_error"),
)
DRA_CALLS = _dra(
    "grpc_operations_duration_seconds",
    _HISTOGRAM,
    "Time of a kubelet's calls to a DRA driver.",
    *("driver_name", "method_name", "grpc_status_code"),
)
DRA_CLAIMS = _dra(
    "resource_claims_in_use",
    _GAUGE,
    "ResourceClaims in use on a node, by driver, and all of them, each counted once.",
    "driver_name",
)

_TERWAY = "AliyunContainerService/terway: pkg/metric"
_POOL = (NODE, "name", "type", "capacity", "max_idle", "min_idle")
TERWAY_POOL = foreign(
    "terway_resource_pool_total_count",
    _GAUGE,
    "Addresses or interfaces that Terway has on a node.",
    labels=_POOL,
    source=f"{_TERWAY}/resource_pool.go",
)
TERWAY_IDLE = foreign(
    "terway_resource_pool_idle_count",
    _GAUGE,
    "Those of them that no pod has.",
    labels=_POOL,
    source=f"{_TERWAY}/resource_pool.go",
)
TERWAY_CLOUD = foreign(
    "aliyun_openapi_latency",
    _HISTOGRAM,
    "Time of Terway's calls to the cloud, in milliseconds.",
    labels=(NODE, "api", "error"),
    source=f"{_TERWAY}/aliyun.go",
)


def _tunnel(name: str, kind: Kind, text: str, *labels: str) -> Foreign:
    source = "kubernetes-sigs/apiserver-network-proxy: pkg/agent/metrics/metrics.go"
    name = f"konnectivity_network_proxy_agent_{name}"
    return foreign(name, kind, text, labels=labels, source=source)


TUNNEL_DIAL = _tunnel(
    "dial_duration_seconds", _HISTOGRAM, "Time in which an agent reaches what is asked for."
)
TUNNEL_FAILURES = _tunnel(
    "endpoint_dial_failure_total", _COUNTER, "What an agent did not reach.", "reason"
)


def _alluxio(name: str, kind: Kind, text: str) -> Foreign:
    """Return a metric of an Alluxio master; its counters are typed as gauges on the wire."""
    source = "Alluxio/alluxio: core/common/src/main/java/alluxio/metrics/MetricKey.java"
    return foreign(f"Cluster_{name}", kind, text, labels=(NAMESPACE,), source=source)


ALLUXIO_WORKERS = _alluxio("Workers", _GAUGE, "Workers of an Alluxio cluster that are heard.")
ALLUXIO_LOCAL = _alluxio(
    "BytesReadLocal", _COUNTER, "Bytes that clients read from the worker beside them."
)
ALLUXIO_REMOTE = _alluxio("BytesReadRemote", _COUNTER, "Bytes read from workers over the network.")
ALLUXIO_SOURCE = _alluxio(
    "BytesReadUfsAll", _COUNTER, "Bytes that workers read from where the data comes from."
)

SHOWN_NEIGHBOURS: Mapping[str, tuple[Foreign, ...]] = {
    "kueue": (KUEUE_WAIT, KUEUE_EVICTED),
    "volcano": (VOLCANO_INQUEUE, VOLCANO_RUNNING, VOLCANO_UNPLACED, VOLCANO_LATENCY),
    "kube-scheduler": (SCHEDULER_PENDING, POD_GROUP_ATTEMPTS, POD_GROUP_DURATION),
    "kube-state-metrics": (JOB_ACTIVE, JOB_COMPLETE),
    "kubelet": (DRA_OPERATIONS, DRA_CALLS, DRA_CLAIMS),
    "terway": (TERWAY_POOL, TERWAY_IDLE, TERWAY_CLOUD),
    "konnectivity-agent": (TUNNEL_DIAL, TUNNEL_FAILURES),
    "alluxio": (ALLUXIO_WORKERS, ALLUXIO_LOCAL, ALLUXIO_REMOTE, ALLUXIO_SOURCE),
}
"""By the program that exposes them."""
