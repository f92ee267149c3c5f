"""Metrics of the scheduler's extender and drainer."""

from catalog.metrics import Kind, Metric, counter, gauge

VERBS = ("filter", "prioritize", "preempt", "bind")

DRAIN_NODE_STATES = ("draining", "drained", "unvouched", "unmanaged", "users_unknown")
"""unvouched: a drain taint that no applied fault in the devices annotation stands behind;
unmanaged: the node carries railwatch.io/managed=false; users_unknown: a device is fenced, to be
drained, and nobody says which pods use it. None of these is ever acted on."""

DRAIN_POD_STATES = (
    "pending",
    "terminating",
    "budget",
    "budget_stale",
    "several_budgets",
    "backoff",
    "bare",
    "checkpoint",
    "no_room",
    "job",
)
"""pending: next in line, held by the rate; budget: a PodDisruptionBudget allows no eviction;
budget_stale: the budget's status is older than its spec; several_budgets: more than one selects
the pod, which the Eviction API refuses; backoff: the last eviction was refused and the next try is
not yet due; bare: nothing would recreate the pod; checkpoint: asked to save its state, and its
deadline has not passed; no_room: nowhere else is room for it or its gang, and what it runs on still
works; job: its Job would end of the eviction, and is not the drainer's to suspend."""

DRAIN_JOB_RESULTS = ("suspended", "resumed", "failed")
"""suspended: in place of evicting its pods; resumed: its pods fit again; failed: the
kube-apiserver did not take the change."""

EVICTION_RESULTS = ("evicted", "gone", "blocked", "refused", "failed")
"""gone: deleted or replaced before; blocked: a budget said no (429); refused: not permitted or not
valid; failed: no answer or the server's own error."""

REQUESTS = counter(
    "railwatch_scheduler_requests_total",
    "Extender requests answered, by verb and HTTP status.",
    labels=("verb", "code"),
    source="kube-scheduler",
)
REQUEST_DURATION = Metric(
    name="railwatch_scheduler_request_duration_seconds",
    kind=Kind.HISTOGRAM,
    unit="seconds",
    labels=("verb",),
    help="Time from the request's last byte read to its answer made.",
    source="extender",
)
REFUSALS = counter(
    "railwatch_scheduler_refusals_total",
    "Nodes that the filter refused, once per pod and node, by condition.",
    labels=("condition",),
    source="extender",
)
UNCHECKED = counter(
    "railwatch_scheduler_unchecked_requests_total",
    "Extender requests passed without a look at health, as the node cache was not fresh.",
    labels=("verb",),
    source="extender",
)
CACHE_NODES = gauge(
    "railwatch_scheduler_cache_nodes", "Nodes in the cache.", source="watch of nodes"
)
CACHE_AGE = gauge(
    "railwatch_scheduler_cache_age_seconds",
    "Time since the kube-apiserver last vouched for the node cache; absent before the first list.",
    unit="seconds",
    source="watch of nodes",
)
CACHE_FRESH = gauge(
    "railwatch_scheduler_cache_fresh",
    "1 while the node cache is complete and young enough to filter with.",
    source="watch of nodes",
)
WATCH_FAILURES = counter(
    "railwatch_scheduler_watch_failures_total",
    "Lists and watches of nodes that ended in an error, by its kind.",
    labels=("reason",),
    source="watch of nodes",
)
MALFORMED_NODES = gauge(
    "railwatch_scheduler_malformed_nodes",
    "Nodes whose devices annotation cannot be read; their taints still count.",
    source="devices annotation",
)
GPU_WITHHELD = gauge(
    "railwatch_scheduler_gpu_withheld",
    "GPUs of nodes that the filter refuses, by the worst condition; absent while it cannot tell.",
    labels=("condition",),
    source="capacity of the nodes",
)
LEADER = gauge(
    "railwatch_scheduler_drain_leader",
    "1 while this replica holds the drainer's Lease.",
    source="Lease",
)
DRAIN_NODES = gauge(
    "railwatch_scheduler_drain_nodes",
    "Nodes with a drain taint, by what the drainer makes of them; only the leader counts.",
    labels=("state",),
    source="drainer",
    states=DRAIN_NODE_STATES,
)
DRAIN_PODS = gauge(
    "railwatch_scheduler_drain_pods",
    "Pods that are to leave a drain node, and the other ranks of their gangs, by what they wait "
    "for; only the leader counts.",
    labels=("state",),
    source="drainer",
    states=DRAIN_POD_STATES,
)
EVICTIONS = counter(
    "railwatch_scheduler_evictions_total",
    "Evictions asked for, by the kube-apiserver's answer.",
    labels=("result",),
    source="Eviction API",
)
DRAIN_FAILURES = counter(
    "railwatch_scheduler_drain_failures_total",
    "Rounds of the drainer cut short by an error, by its kind.",
    labels=("reason",),
    source="drainer",
)
DRAIN_JOBS = counter(
    "railwatch_scheduler_drain_jobs_total",
    "Jobs suspended in place of evicting their pods, and resumed, by how it ended.",
    labels=("result",),
    source="drainer, queues",
)
DRAIN_JOBS_SUSPENDED = gauge(
    "railwatch_scheduler_drain_jobs_suspended",
    "Jobs that the drainer has suspended and not resumed yet; only the leader counts.",
    source="drainer",
)
EVENTS = counter(
    "railwatch_scheduler_events_total",
    "Kubernetes Events about nodes, pods and Jobs, by what became of them.",
    labels=("result",),
    source="all parts",
)
GANG_REASONS = (
    "incomplete",
    "no_domain",
    "no_room",
    "unplaced",
    "malformed",
    "foreign_gate",
    "not_gated",
    "draining",
    "queue_limit",
    "queue_borrowed",
    "queue_reclaiming",
)
"""incomplete: pods are still missing; no_domain: no domain of the tier that it requires could ever
hold it; no_room: one could, were it empty; unplaced: no room near its running ranks; malformed: its
annotations make no sense; foreign_gate: another gate holds its pods too; not_gated: a pod waits
without our gate; draining: ranks of it are still to be moved off a drain node; queue_limit: its
queue would exceed its limit; queue_borrowed: it would borrow what nobody has to lend;
queue_reclaiming: it would borrow while a gang within its guarantee waits for what borrowers give
back."""

GANG_RESULTS = ("placed", "conflicted", "failed", "rolled_back")
"""placed: let go and pinned; conflicted: changed meanwhile, and tried again; failed: no answer or
refused; rolled_back: deleted, as the gang could not be bound."""

GANGS_WAITING = gauge(
    "railwatch_scheduler_gangs_waiting",
    "Gangs that wait, by what for; only the leader counts.",
    labels=("reason",),
    source="gang controller",
    states=GANG_REASONS,
)
GANG_KEPT = gauge(
    "railwatch_scheduler_gang_domain_kept",
    "1 while a domain is kept free for a gang that has waited beyond the patience.",
    source="gang controller",
)
GANG_PODS = counter(
    "railwatch_scheduler_gang_pods_total",
    "Pods of gangs acted on, by how it ended.",
    labels=("result",),
    source="gang controller",
)
GPU_IDLE = gauge(
    "railwatch_scheduler_gpu_idle",
    "GPUs that no pod has, on nodes open to any pod; only the leader counts.",
    source="gang controller",
)
GPU_IDLE_BROKEN = gauge(
    "railwatch_scheduler_gpu_idle_broken",
    "Of the idle GPUs, those on nodes where others are taken: useless to gangs of whole nodes.",
    source="gang controller",
)
LARGEST_GANG = gauge(
    "railwatch_scheduler_largest_gang_nodes",
    "Nodes with all GPUs idle in the best domain of a tier: the largest gang of whole nodes that "
    "could start there now.",
    labels=("tier",),
    source="gang controller",
)
BUILD_INFO = gauge(
    "railwatch_scheduler_build_info",
    "Version of railwatch-scheduler; always 1.",
    labels=("version",),
    source="scheduler",
)

METRICS: tuple[Metric, ...] = (
    REQUESTS,
    REQUEST_DURATION,
    REFUSALS,
    UNCHECKED,
    CACHE_NODES,
    CACHE_AGE,
    CACHE_FRESH,
    WATCH_FAILURES,
    MALFORMED_NODES,
    GPU_WITHHELD,
    LEADER,
    DRAIN_NODES,
    DRAIN_PODS,
    EVICTIONS,
    DRAIN_FAILURES,
    DRAIN_JOBS,
    DRAIN_JOBS_SUSPENDED,
    EVENTS,
    GANGS_WAITING,
    GANG_KEPT,
    GANG_PODS,
    GPU_IDLE,
    GPU_IDLE_BROKEN,
    LARGEST_GANG,
    BUILD_INFO,
)
