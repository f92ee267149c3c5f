"""Metrics of queues and quotas: our own by namespace, and those of Kueue, Volcano and upstream."""

from catalog.metrics import Metric, counter, gauge
from catalog.scheduler import GANG_REASONS

OURS, KUEUE_CLUSTER, KUEUE_LOCAL, VOLCANO, UPSTREAM = QUEUE_KINDS = (
    "railwatch",
    "kueue_cluster",
    "kueue_local",
    "volcano",
    "upstream",
)
"""railwatch: of the declaration in --queues.file; kueue_cluster, kueue_local: a ClusterQueue, a
LocalQueue (namespace/name); volcano: a Queue of Volcano; upstream: a namespace's PodGroups of
scheduling.k8s.io."""

QUEUE_REASONS = GANG_REASONS
"""What gangs in our own queues wait for."""

AWAITS_ENGINE = "admission"
"""What a gang waits for that is Kueue's, Volcano's or kube-scheduler's own to admit."""

QUEUE_NONE = "none"
"""Stands for the gangs of namespaces that no queue holds."""

QUEUE_GUARANTEED = gauge(
    "railwatch_scheduler_queue_guaranteed",
    "What a queue is guaranteed of a resource: Kueue's nominal quota, Volcano's deserved, or else "
    "guaranteed, amount; only the leader counts.",
    labels=("kind", "queue", "resource"),
    source="declaration of queues; ClusterQueue, Queue",
)
QUEUE_LIMIT = gauge(
    "railwatch_scheduler_queue_limit",
    "The most that a queue may use of a resource; absent where it has no limit.",
    labels=("kind", "queue", "resource"),
    source="declaration of queues; ClusterQueue, Queue",
)
QUEUE_BORROWABLE = gauge(
    "railwatch_scheduler_queue_borrowable",
    "How much of what a queue is guaranteed and does not use others may borrow.",
    labels=("kind", "queue", "resource"),
    source="declaration of queues; ClusterQueue",
)
QUEUE_USED = gauge(
    "railwatch_scheduler_queue_used",
    "What a queue uses of a resource: of ours, what its namespaces' pods on nodes ask for.",
    labels=("kind", "queue", "resource"),
    source="pods; ClusterQueue, LocalQueue, Queue",
)
QUEUE_BORROWED = gauge(
    "railwatch_scheduler_queue_borrowed",
    "What a queue uses of a resource beyond what it is guaranteed.",
    labels=("kind", "queue", "resource"),
    source="pods; ClusterQueue, Queue",
)
QUEUE_WAITING = gauge(
    "railwatch_scheduler_queue_gangs_waiting",
    "Gangs or workloads that wait in a queue, by what for: one of the reasons of "
    "railwatch_scheduler_gangs_waiting, or admission by the queue's own engine.",
    labels=("kind", "queue", "reason"),
    source="gang controller; ClusterQueue, LocalQueue, PodGroup",
)
QUEUES_UNTOLD = gauge(
    "railwatch_scheduler_queues_untold",
    "Queues of a kind beyond as many as are told; absent where the kind is not served.",
    labels=("kind",),
    source="ClusterQueue, LocalQueue, Queue, PodGroup",
)
QUEUES_READ = gauge(
    "railwatch_scheduler_queues_read",
    "1 while the queues of a kind can be read, 0 while not; absent where the kind is not served.",
    labels=("kind",),
    source="kube-apiserver",
)
QUEUES_FILE_GOOD = gauge(
    "railwatch_scheduler_queues_file_good",
    "1 while the declaration of queues is in force as it stands in its file, 0 while that makes no "
    "sense and the last good one is kept; absent without --queues.file.",
    source="declaration of queues",
)
RECLAIMS = counter(
    "railwatch_scheduler_queue_reclaims_total",
    "Evictions asked for so that a queue gets back what it is guaranteed, by the answer.",
    labels=("result",),
    source="Eviction API",
)

METRICS: tuple[Metric, ...] = (
    QUEUE_GUARANTEED,
    QUEUE_LIMIT,
    QUEUE_BORROWABLE,
    QUEUE_USED,
    QUEUE_BORROWED,
    QUEUE_WAITING,
    QUEUES_UNTOLD,
    QUEUES_READ,
    QUEUES_FILE_GOOD,
    RECLAIMS,
)
