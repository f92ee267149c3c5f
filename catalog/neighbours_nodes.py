"""What alerts read of the programs on each node and in the control plane, beside `neighbours`.

As there, `source` names the owner's repository and path; labels that the usual scrapes set (`node`,
`namespace`) stand with the metric's own.
"""

from collections.abc import Mapping

from catalog.foreign import Foreign, foreign
from catalog.labels import NAMESPACE, NODE, POD
from catalog.metrics import Kind

_GAUGE, _COUNTER, _HISTOGRAM = Kind.GAUGE, Kind.COUNTER, Kind.HISTOGRAM
_STATE = "kubernetes/kube-state-metrics: docs/metrics"


def _state(name: str, text: str, *labels: str, path: str) -> Foreign:
    source = f"{_STATE}/{path}-metrics.md"
    return foreign(f"kube_{name}", _GAUGE, text, labels=labels, source=source)


POD_REQUESTS = _state(
    "pod_container_resource_requests",
    "What of a resource a container asks for; node is empty until the pod has one.",
    *(NAMESPACE, POD, "uid", "container", NODE, "resource", "unit"),
    path="workload/pod",
)
INIT_WAITING = _state(
    "pod_init_container_status_waiting_reason",
    "1 for why a start-up container waits to start; absent while it does not.",
    *(NAMESPACE, POD, "uid", "container", "reason"),
    path="workload/pod",
)
POD_UNSCHEDULABLE = _state(
    "pod_status_unschedulable",
    "1 while the scheduler finds no place for a pod; absent else.",
    *(NAMESPACE, POD, "uid"),
    path="workload/pod",
)
POD_PHASE = _state(
    "pod_status_phase",
    "1 for the phase that a pod is in.",
    *(NAMESPACE, POD, "uid", "phase"),
    path="workload/pod",
)
JOB_FAILED = _state(
    "job_failed",
    "1 where a Job has failed for good.",
    *(NAMESPACE, "job_name", "condition"),
    path="workload/job",
)
NODE_INFO = _state("node_info", "1 for each node.", NODE, path="cluster/node")
NODE_CAPACITY = _state(
    "node_status_capacity",
    "What of a resource a node has, working or not.",
    *(NODE, "resource", "unit"),
    path="cluster/node",
)
NODE_CONDITION = _state(
    "node_status_condition",
    "1 for the status that a node's condition has.",
    *(NODE, "condition", "status"),
    path="cluster/node",
)
NODE_CORDONED = _state(
    "node_spec_unschedulable", "1 where a node is cordoned.", NODE, path="cluster/node"
)
NODE_TAINT = _state(
    "node_spec_taint",
    "1 for each taint of a node.",
    *(NODE, "key", "value", "effect"),
    path="cluster/node",
)

_KUBELET = "kubernetes/kubernetes: pkg/kubelet/metrics/metrics.go"
_CERTIFICATES = "kubernetes/kubernetes: pkg/kubelet/certificate/kubelet.go"


def _kubelet(name: str, text: str, *labels: str, kind: Kind, source: str = _KUBELET) -> Foreign:
    return foreign(f"kubelet_{name}", kind, text, labels=(NODE, *labels), source=source)


POD_START_SEEN = _kubelet(
    "pod_start_duration_seconds",
    "Time from when a kubelet first sees a pod to when it runs, pulling of images included.",
    kind=_HISTOGRAM,
)
SANDBOX = _kubelet(
    "run_podsandbox_duration_seconds",
    "Time to make a pod's sandbox, its network included.",
    "runtime_handler",
    kind=_HISTOGRAM,
)
RUNTIME_OPERATIONS = _kubelet(
    "runtime_operations_total",
    "Calls of the kubelet to the container runtime.",
    "operation_type",
    kind=_COUNTER,
)
RUNTIME_ERRORS = _kubelet(
    "runtime_operations_errors_total",
    "Calls of the kubelet to the container runtime that failed.",
    "operation_type",
    kind=_COUNTER,
)
CLIENT_RENEWAL_ERRORS = _kubelet(
    "certificate_manager_client_expiration_renew_errors",
    "Renewals of a kubelet's client certificate that failed.",
    kind=_COUNTER,
    source=_CERTIFICATES,
)
SERVER_RENEWAL_ERRORS = _kubelet(
    "server_expiration_renew_errors",
    "Renewals of a kubelet's serving certificate that failed.",
    kind=_COUNTER,
    source=_CERTIFICATES,
)
CLIENT_CERTIFICATE_LEFT = _kubelet(
    "certificate_manager_client_ttl_seconds",
    "How long a kubelet's client certificate is valid yet; infinite where it manages none.",
    kind=_GAUGE,
    source=_CERTIFICATES,
)
SERVER_CERTIFICATE_LEFT = _kubelet(
    "certificate_manager_server_ttl_seconds",
    "How long a kubelet's serving certificate is valid yet; infinite where it manages none.",
    kind=_GAUGE,
    source=_CERTIFICATES,
)

CLIENT_CERTIFICATES = foreign(
    "apiserver_client_certificate_expiration_seconds",
    _HISTOGRAM,
    "How long the certificate of a request is valid yet.",
    labels=(),
    source="kubernetes/kubernetes: staging/src/k8s.io/apiserver/pkg/authentication/request/x509/"
    "x509.go",
)
TUNNEL_CONNECTIONS = foreign(
    "konnectivity_network_proxy_agent_open_server_connections",
    _GAUGE,
    "Servers that an agent of the control plane's tunnel is connected to.",
    labels=(),
    source="kubernetes-sigs/apiserver-network-proxy: pkg/agent/metrics/metrics.go",
)
PROBED_CERTIFICATE_END = foreign(
    "probe_ssl_earliest_cert_expiry",
    _GAUGE,
    "When the first certificate of what is probed ends, in Unix seconds.",
    labels=(),
    source="prometheus/blackbox_exporter: prober/http.go, prober/tcp.go",
)
CALICO_SYNC = foreign(
    "felix_resync_state",
    _GAUGE,
    "How far Calico knows what it is to do: 1 waiting, 2 reading, 3 in sync.",
    labels=(NODE,),
    source="projectcalico/calico: felix/calc/async_calc_graph.go",
)
TERWAY_CALLS = foreign(
    "terway_rpc_latency",
    _HISTOGRAM,
    "Time of the calls by which pods get their network from Terway, in milliseconds.",
    labels=(NODE, "rpc_api", "error"),
    source="AliyunContainerService/terway: pkg/metric/rpc.go",
)

NODE_NEIGHBOURS: Mapping[str, tuple[Foreign, ...]] = {
    "kube-state-metrics": (
        *(POD_REQUESTS, POD_UNSCHEDULABLE, POD_PHASE, JOB_FAILED, NODE_INFO, NODE_CAPACITY),
        *(NODE_CONDITION, NODE_CORDONED, NODE_TAINT, INIT_WAITING),
    ),
    "kubelet": (
        *(POD_START_SEEN, SANDBOX, RUNTIME_OPERATIONS, RUNTIME_ERRORS, CLIENT_RENEWAL_ERRORS),
        *(SERVER_RENEWAL_ERRORS, CLIENT_CERTIFICATE_LEFT, SERVER_CERTIFICATE_LEFT),
    ),
    "kube-apiserver": (CLIENT_CERTIFICATES,),
    "konnectivity-agent": (TUNNEL_CONNECTIONS,),
    "blackbox_exporter": (PROBED_CERTIFICATE_END,),
    "calico": (CALICO_SYNC,),
    "terway": (TERWAY_CALLS,),
}
"""By the program that exposes them."""
