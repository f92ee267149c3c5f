"""Metrics that only the kernel's NETLINK_RDMA tells: what RDMA devices hold, and for whom."""

from catalog.metrics import Metric, counter, gauge
from catalog.rdma import PORT

QUEUE_PAIR_STATES = ("reset", "init", "rtr", "rts", "sqd", "sqe", "err")
"""IBTA's states of a queue pair, in the order of enum ib_qp_state: ready to receive, ready to send,
send queue drained, send queue error, error."""

COUNTER_MODES = ("auto", "manual")
"""How a counter got its queue pairs: by the rule that the port is set to, or one by one."""

RDMA_NETNS_EXCLUSIVE = gauge(
    "railwatch_rdma_netns_exclusive",
    "1 where an RDMA device belongs to one network namespace, so that one moved into a pod cannot "
    "be seen from here; 0 where all namespaces share them.",
    source="RDMA_NLDEV_CMD_SYS_GET",
)
RDMA_LINK_INFO = gauge(
    "railwatch_rdma_link_info",
    "What the kernel says of a port: the protocol it speaks (ib, roce, iw, opa, usnic) and its "
    "network interface, empty where it has none; always 1.",
    labels=(*PORT, "netdev", "protocol"),
    source="RDMA_NLDEV_CMD_GET, PORT_GET",
)
RDMA_RESOURCES = gauge(
    "railwatch_rdma_resources",
    "Objects that exist on the device: qp, cq, mr, pd, cm_id, ctx, srq and what later kernels "
    "track. Told only where the exporter sees every process (hostPID).",
    labels=("device", "kind"),
    source="RDMA_NLDEV_CMD_RES_GET",
)
RDMA_RESOURCES_LIMIT = gauge(
    "railwatch_rdma_resources_limit",
    "Objects that the device can hold at most, where the kernel tells.",
    labels=("device", "kind"),
    source="RDMA_NLDEV_CMD_RES_GET",
)
RDMA_QUEUE_PAIRS = gauge(
    "railwatch_rdma_queue_pairs",
    "Queue pairs of the device by state; those in `err` have lost their connection.",
    labels=("device", "state"),
    source="RDMA_NLDEV_CMD_RES_QP_GET",
    states=QUEUE_PAIR_STATES,
)
RDMA_POD_QUEUE_PAIRS = gauge(
    "railwatch_rdma_pod_queue_pairs",
    "Queue pairs that a pod's processes hold on the device; `pod_uid` is empty for processes "
    "outside any pod, namespace and pod also where the pod's name is not known. The kernel's own "
    "are not among them.",
    labels=("device", "namespace", "pod", "pod_uid"),
    source="RDMA_NLDEV_CMD_RES_QP_GET; /proc/PID/cgroup; --path.pod-logs",
)
RDMA_QUEUE_PAIRS_UNREAD = gauge(
    "railwatch_rdma_queue_pairs_unread",
    "1 for a device whose queue pairs are not looked at because there are too many: for each the "
    "kernel asks the device's firmware.",
    labels=("device",),
    source="exporter",
)
OPTIONAL_STATES = ("on", "off")

RDMA_OPTIONAL_COUNTERS = gauge(
    "railwatch_rdma_optional_counters",
    "Optional counters of the port that are switched on, and off; those that are on have series.",
    labels=(*PORT, "state"),
    source="RDMA_NLDEV_CMD_STAT_GET_STATUS",
    states=OPTIONAL_STATES,
)
RDMA_OPTIONAL_STATISTIC = counter(
    "railwatch_rdma_optional_statistic_total",
    "An optional counter that is switched on (rdma statistic set link … optional-counters), in the "
    "driver's unit; sysfs does not show these.",
    labels=(*PORT, "counter"),
    source="RDMA_NLDEV_CMD_STAT_GET",
)
RDMA_BOUND_COUNTERS = gauge(
    "railwatch_rdma_bound_counters",
    "Counters that queue pairs of the port are bound to. What they count is in the port's own "
    "counters too.",
    labels=(*PORT, "mode"),
    source="RDMA_NLDEV_CMD_STAT_GET of the queue pairs",
)
RDMA_BOUND_QUEUE_PAIRS = gauge(
    "railwatch_rdma_bound_queue_pairs",
    "Queue pairs of the port that are bound to a counter.",
    labels=(*PORT, "mode"),
    source="RDMA_NLDEV_CMD_STAT_GET of the queue pairs",
)

METRICS: tuple[Metric, ...] = (
    RDMA_NETNS_EXCLUSIVE,
    RDMA_LINK_INFO,
    RDMA_RESOURCES,
    RDMA_RESOURCES_LIMIT,
    RDMA_QUEUE_PAIRS,
    RDMA_POD_QUEUE_PAIRS,
    RDMA_QUEUE_PAIRS_UNREAD,
    RDMA_OPTIONAL_COUNTERS,
    RDMA_OPTIONAL_STATISTIC,
    RDMA_BOUND_COUNTERS,
    RDMA_BOUND_QUEUE_PAIRS,
)
