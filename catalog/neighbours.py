"""Metrics of the programs around railwatch that its rules and dashboards read, by their owners.

Only what was found in the owner's source or documents stands here: `source` names repository and
path. Nobody has to run any of them; what is read from one that is missing has no data and raises no
alarm. `node` among the labels is a target label that the scrape of the owner sets, as the usual
ServiceMonitors and PodMonitors do.
"""

from collections.abc import Mapping

from catalog.foreign import Foreign, foreign
from catalog.labels import NODE
from catalog.metrics import Kind

_GAUGE, _COUNTER, _HISTOGRAM = Kind.GAUGE, Kind.COUNTER, Kind.HISTOGRAM


def _state(name: str, text: str, *labels: str, path: str, kind: Kind = _GAUGE) -> Foreign:
    source = f"kubernetes/kube-state-metrics: docs/metrics/{path}-metrics.md"
    return foreign(f"kube_{name}", kind, text, labels=labels, source=source)


_OWNER = ("owner_kind", "owner_name", "owner_is_controller")
_POD = ("namespace", "pod", "uid")
_DAEMONSET = ("namespace", "daemonset")
_DEPLOYMENT = ("namespace", "deployment")

POD_OWNER = _state("pod_owner", "Owner of a pod.", *_POD, *_OWNER, path="workload/pod")
POD_LABELS = _state(
    "pod_labels",
    "Labels of a pod, as far as --metric-labels-allowlist says.",
    *_POD,
    *("label_jobset_sigs_k8s_io_jobset_name", "label_training_kubeflow_org_job_name"),
    *("label_volcano_sh_job_name", "label_ray_io_cluster"),
    "label_leaderworkerset_sigs_k8s_io_name",
    path="workload/pod",
)
REPLICASET_OWNER = _state(
    "replicaset_owner",
    "Owner of a ReplicaSet.",
    *("namespace", "replicaset", *_OWNER),
    path="workload/replicaset",
)
JOB_OWNER = _state(
    "job_owner", "Owner of a Job.", *("namespace", "job_name", *_OWNER), path="workload/job"
)
NODE_LABELS = _state(
    "node_labels",
    "Labels of a node, as far as --metric-labels-allowlist says.",
    *(NODE, "label_node_kubernetes_io_instance_type"),
    path="cluster/node",
)
ALLOCATABLE = _state(
    "node_status_allocatable",
    "What of a resource a node can give to pods.",
    *(NODE, "resource", "unit"),
    path="cluster/node",
)
DAEMONSET_DESIRED = _state(
    "daemonset_status_desired_number_scheduled",
    "Nodes that should run a DaemonSet's pod.",
    *_DAEMONSET,
    path="workload/daemonset",
)
DAEMONSET_READY = _state(
    "daemonset_status_number_ready",
    "Nodes on which a DaemonSet's pod is ready.",
    *_DAEMONSET,
    path="workload/daemonset",
)
DAEMONSET_UPDATED = _state(
    "daemonset_status_updated_number_scheduled",
    "Nodes that run the current version of a DaemonSet's pod.",
    *_DAEMONSET,
    path="workload/daemonset",
)
DEPLOYMENT_REPLICAS = _state(
    "deployment_spec_replicas",
    "Replicas that a Deployment should have.",
    *_DEPLOYMENT,
    path="workload/deployment",
)
DEPLOYMENT_AVAILABLE = _state(
    "deployment_status_replicas_available",
    "Replicas of a Deployment that are available.",
    *_DEPLOYMENT,
    path="workload/deployment",
)
CONTAINER_INFO = _state(
    "pod_container_info",
    "The image of a container; always 1.",
    *(*_POD, "container", "image"),
    path="workload/pod",
)
WAITING = _state(
    "pod_container_status_waiting_reason",
    "1 for why a container waits to start; absent while it does not.",
    *(*_POD, "container", "reason"),
    path="workload/pod",
)
RESTARTS = _state(
    "pod_container_status_restarts_total",
    "Times a container was started again.",
    *(*_POD, "container"),
    path="workload/pod",
    kind=_COUNTER,
)

KUBE_STATE_METRICS = (
    *(POD_OWNER, POD_LABELS, REPLICASET_OWNER, JOB_OWNER, NODE_LABELS, ALLOCATABLE),
    *(DAEMONSET_DESIRED, DAEMONSET_READY, DAEMONSET_UPDATED),
    *(DEPLOYMENT_REPLICAS, DEPLOYMENT_AVAILABLE, CONTAINER_INFO, WAITING, RESTARTS),
)

_KUBELET = "kubernetes/kubernetes: pkg/kubelet/metrics/metrics.go"


def _kubelet(
    name: str, text: str, *labels: str, kind: Kind = _HISTOGRAM, source: str = _KUBELET
) -> Foreign:
    return foreign(name, kind, text, labels=(NODE, *labels), source=source)


PLUGIN_REGISTRATIONS = _kubelet(
    "kubelet_device_plugin_registration_total",
    "Times a device plugin registered: once for each start of it or of the kubelet.",
    "resource_name",
    kind=_COUNTER,
)
PLUGIN_ALLOCATION = _kubelet(
    "kubelet_device_plugin_alloc_duration_seconds",
    "Time a device plugin took to give devices to a container.",
    "resource_name",
)
IMAGE_PULL = _kubelet(
    "kubelet_image_pull_duration_seconds",
    "Time to pull an image, by its size.",
    "image_size_in_bytes",
)
POD_START = _kubelet(
    "kubelet_pod_start_total_duration_seconds",
    "Time from a pod's creation to when all its containers run, pulling of images included.",
)
CSI_OPERATIONS = _kubelet(
    "csi_operations_seconds",
    "Time of the kubelet's calls to a CSI driver on the node.",
    *("driver_name", "method_name", "grpc_status_code", "migrated"),
    source="kubernetes/kubernetes: pkg/volume/util/metrics.go",
)

KUBELET = (PLUGIN_REGISTRATIONS, PLUGIN_ALLOCATION, IMAGE_PULL, POD_START, CSI_OPERATIONS)

CSI_SIDECAR = foreign(
    "csi_sidecar_operations_seconds",
    _HISTOGRAM,
    "Time of a sidecar's calls to a CSI driver's controller.",
    labels=("driver_name", "method_name", "grpc_status_code"),
    source="kubernetes-csi/csi-lib-utils: metrics/metrics.go",
)

_JUICEFS = "juicedata/juicefs: docs/en/reference/p8s_metrics.md"


def _juicefs(name: str, text: str, *labels: str, kind: Kind = _COUNTER) -> Foreign:
    return foreign(
        f"juicefs_{name}", kind, text, labels=(NODE, "vol_name", "mp", *labels), source=_JUICEFS
    )


JUICEFS_HITS = _juicefs("blockcache_hits", "Blocks found in the local cache.")
JUICEFS_MISSES = _juicefs("blockcache_miss", "Blocks not found in the local cache.")
JUICEFS_HIT_BYTES = _juicefs("blockcache_hit_bytes", "Bytes read from the local cache.")
JUICEFS_MISS_BYTES = _juicefs("blockcache_miss_bytes", "Bytes not found in the local cache.")
JUICEFS_EVICTS = _juicefs("blockcache_evicts", "Blocks put out of the local cache.")
JUICEFS_STAGING = _juicefs(
    "staging_blocks", "Blocks written to the local disk and not yet to the store.", kind=_GAUGE
)
JUICEFS_OBJECT_ERRORS = _juicefs(
    "object_request_errors", "Requests to the object store that failed."
)
JUICEFS_TRANSACTIONS = _juicefs(
    "transaction_durations_histogram_seconds",
    "Time of transactions with the metadata engine.",
    kind=_HISTOGRAM,
)
JUICEFS = (
    *(JUICEFS_HITS, JUICEFS_MISSES, JUICEFS_HIT_BYTES, JUICEFS_MISS_BYTES, JUICEFS_EVICTS),
    *(JUICEFS_STAGING, JUICEFS_OBJECT_ERRORS, JUICEFS_TRANSACTIONS),
)

_FLUID = "fluid-cloudnative/fluid: pkg/metrics"
FLUID_SETUP_ERRORS = foreign(
    "runtime_setup_error_total",
    _COUNTER,
    "Errors while the runtime of a dataset was set up.",
    labels=("runtime_type", "runtime"),
    source=f"{_FLUID}/runtime_metrics.go",
)
FLUID_HEALTH_ERRORS = foreign(
    "runtime_sync_healthcheck_error_total",
    _COUNTER,
    "Health checks of a dataset's runtime that failed.",
    labels=("runtime_type", "runtime"),
    source=f"{_FLUID}/runtime_metrics.go",
)
FLUID_SIZE = foreign(
    "dataset_ufs_total_size",
    _GAUGE,
    "Size of the files of a dataset where it comes from.",
    labels=("dataset",),
    source=f"{_FLUID}/dataset_metrics.go",
)
FLUID = (FLUID_SETUP_ERRORS, FLUID_HEALTH_ERRORS, FLUID_SIZE)

_DRAGONFLY = "dragonflyoss/client: dragonfly-client/src/metrics/mod.rs"
_TASK = ("type", "tag", "app", "priority")


def _dragonfly(name: str, text: str, *labels: str, kind: Kind = _COUNTER) -> Foreign:
    return foreign(
        f"dragonfly_client_{name}", kind, text, labels=(NODE, *labels), source=_DRAGONFLY
    )


DRAGONFLY_TASKS = _dragonfly("download_task_total", "Files that were asked for.", *_TASK)
DRAGONFLY_FAILURES = _dragonfly(
    "download_task_failure_total", "Files that could not be had.", *_TASK
)
DRAGONFLY_TRAFFIC = _dragonfly(
    "download_traffic", "Bytes downloaded, by where they came from.", "type", "task_type"
)
DRAGONFLY_SOURCE_FAILURES = _dragonfly(
    "backend_request_failure_total", "Requests to the registry that failed.", "scheme", "method"
)
DRAGONFLY_DISK = _dragonfly("disk_usage_space_total", "Bytes on the client's disk.", kind=_GAUGE)
DRAGONFLY = (
    *(DRAGONFLY_TASKS, DRAGONFLY_FAILURES, DRAGONFLY_TRAFFIC),
    *(DRAGONFLY_SOURCE_FAILURES, DRAGONFLY_DISK),
)

_NYDUS = "containerd/nydus-snapshotter: pkg/metrics/data"


def _nydus(name: str, text: str, *labels: str, file: str, kind: Kind = _GAUGE) -> Foreign:
    return foreign(name, kind, text, labels=(NODE, *labels), source=f"{_NYDUS}/{file}.go")


NYDUS_READ = _nydus(
    "nydusd_total_read_bytes", "Bytes read from lazily pulled images.", "image_ref", file="fs"
)
NYDUS_ERRORS = _nydus("nydusd_read_errors", "Reads that failed.", "image_ref", file="fs")
NYDUS_HUNG = _nydus("nydusd_hung_io_counts", "Reads that hang.", file="fs")
NYDUS_EVENTS = _nydus(
    "nydusd_lifetime_event_counts",
    "Events in the life of the daemons.",
    "nydusd_event",
    file="daemon",
    kind=_COUNTER,
)
NYDUS_SNAPSHOTS = _nydus(
    "snapshotter_snapshot_operation_elapsed_milliseconds",
    "Time of the snapshotter's operations.",
    "snapshot_operation",
    file="snapshotter",
    kind=_HISTOGRAM,
)
NYDUS_CACHE = _nydus(
    "snapshotter_cache_usage_kilobytes",
    "Space of the snapshotter's cache on disk.",
    file="snapshotter",
)
NYDUS = (NYDUS_READ, NYDUS_ERRORS, NYDUS_HUNG, NYDUS_EVENTS, NYDUS_SNAPSHOTS, NYDUS_CACHE)

CALICO_ENDPOINTS = foreign(
    "felix_active_local_endpoints",
    _GAUGE,
    "Pods whose network Calico looks after on a node.",
    labels=(NODE,),
    source="projectcalico/calico: felix/calc/policy_resolver.go",
)
CALICO_FAILURES = foreign(
    "felix_int_dataplane_failures",
    _COUNTER,
    "Updates of a node's network that failed and are tried again.",
    labels=(NODE,),
    source="projectcalico/calico: felix/dataplane/linux/int_dataplane.go",
)
CALICO = (CALICO_ENDPOINTS, CALICO_FAILURES)

NEIGHBOURS: Mapping[str, tuple[Foreign, ...]] = {
    "kube-state-metrics": KUBE_STATE_METRICS,
    "kubelet": KUBELET,
    "csi-sidecar": (CSI_SIDECAR,),
    "juicefs": JUICEFS,
    "fluid": FLUID,
    "dragonfly": DRAGONFLY,
    "nydus": NYDUS,
    "calico": CALICO,
}
"""By the program that exposes them."""
