"""Metrics of the health bridge."""

from catalog import labels
from catalog.metrics import Kind, Metric, counter, gauge

SOURCE_KINDS = ("alertmanager", "prometheus")

SKIP_REASONS = (
    "malformed",
    "other_cluster",
    "unknown_condition",
    "unknown_fault",
    "unknown_node",
    "unknown_place",
)
"""Why an alert is left alone; the rest of the answer is still used. unknown_place: a domain or
line that no managed node's labels name."""

FAULT_STATES = (
    "suspected",
    "active",
    "awaiting_proof",
    "awaiting_reset",
    "awaiting_reboot",
    "soaking",
    "cleared",
    "blind",
)
"""suspected: pending; active: its alert pends or fires; awaiting_proof: quiet, and a source that
has to prove it does not answer or does not observe it; soaking: quiet, and not yet proven for long
enough; cleared: proven, and remembered in case it comes back; blind: its telemetry is lost."""

BUDGETS = ("fleet", "avoid", "rate", "tier", "label")
"""tier, label: the fullest of those accounts."""

WITHHOLDERS = (*BUDGETS, "pause", "domain", "fallback")
"""What withholds the verdict of a fault; domain: the one fault that stands for all its nodes;
fallback: --gpu-scope-fallback none, and the GPU cannot be fenced."""

STEP_KINDS = (
    *("set_annotation", "set_taint", "remove_taint", "set_condition", "remove_condition"),
    *("set_rule", "remove_rule"),
)

NODE_STATES = ("managed", "unmanaged", "faulty", "blind", "unrecorded")
"""blind: a condition is Unknown; unrecorded: a condition is True that the node's annotations do
not account for, so that only `release` takes it away."""

VERIFIED_WORTHS = ("accepted", "future", "malformed")
"""future, malformed: refused."""

WEBHOOK_RESULTS = ("queued", "invalid", "too_large", "unauthorized", "forbidden", "unavailable")
"""unauthorized: it brought no bearer token; forbidden: it brought the wrong one."""

API_ERRORS = ("conflict", "denied", "missing", "refused", "unreachable", "superseded")
"""conflict: written by another meanwhile, tried again; superseded: given up, as what the decision
stood on has changed; denied: 401 or 403; refused: any other 4xx."""

EVENT_REASONS = ("FaultApplied", "FaultWithheld", "FaultCleared", "TelemetryLost", "NodeVerified")
"""Of the Kubernetes Events that the bridge puts up on nodes."""

HOPS = ("seen", "decided", "taint", "condition", "total")
"""seen: from when the alert became active to when the sources told it; decided: from there to the
decision; taint, condition: from the decision to when that is written; total: from the alert to the
last of them."""

LOG_RESULTS = ("written", "failed")

DAEMON_SET_CHECKS = ("done", "off", "failed")
"""off: not asked for, or not looked yet; failed: not allowed, or no answer."""

BUILD_INFO = gauge(
    "railwatch_bridge_build_info",
    "Version of the bridge; always 1.",
    labels=("version",),
    source="bridge",
)
LEADER = gauge(
    "railwatch_bridge_leader", "1 while this replica is the one that writes.", source="Lease"
)
SOURCE_UP = gauge(
    "railwatch_bridge_source_up",
    "1 if the source answered all that the last cycle asked it.",
    labels=("source", "kind"),
    source="last cycle",
)
SOURCE_ERRORS = counter(
    "railwatch_bridge_source_errors_total",
    "Cycles in which the source did not answer, or not sensibly.",
    labels=("source", "kind"),
    source="cycles",
)
CYCLE_DURATION = Metric(
    name="railwatch_bridge_cycle_duration_seconds",
    kind=Kind.HISTOGRAM,
    unit="seconds",
    labels=(),
    help="Time from the first question to the last write of a cycle.",
    source="cycles",
)
CYCLE_TIMESTAMP = gauge(
    "railwatch_bridge_last_cycle_timestamp_seconds",
    "When the last complete cycle began.",
    unit="seconds",
    source="cycles",
)
CYCLE_FAILURES = counter(
    "railwatch_bridge_cycle_failures_total",
    "Cycles given up before their end, by cause.",
    labels=("kind",),
    source="cycles",
)
STEPS = counter(
    "railwatch_bridge_steps_total",
    "Steps taken on nodes, by kind; in a dry run, steps that would have been taken.",
    labels=("kind",),
    source="cycles",
)
API_FAILURES = counter(
    "railwatch_bridge_api_errors_total",
    "Requests that the kube-apiserver did not do, by kind.",
    labels=("kind",),
    source="kube-apiserver",
)
FAULTS = gauge(
    "railwatch_bridge_faults",
    "Open faults of devices: firing, or awaiting proof of recovery.",
    labels=("condition", "verdict", "action"),
    source="last cycle",
)
PAUSED = gauge(
    "railwatch_bridge_paused",
    "1 while no new taint is put on any node, whatever fires.",
    source="--pause, ConfigMap",
)
SUSPECTED = gauge(
    "railwatch_bridge_suspected_faults",
    "Faults whose alert is pending and not yet firing.",
    source="last cycle",
)
FAULT_STATE = gauge(
    "railwatch_bridge_fault_states",
    "Faults, by condition and by where they are on their way.",
    labels=("condition", "state"),
    source="last cycle",
    states=FAULT_STATES,
)
WITHHELD_FAULTS = gauge(
    "railwatch_bridge_withheld_faults",
    "Open faults whose verdict is not carried out, by what withholds it.",
    labels=("by",),
    source="last cycle",
)
NODES = gauge(
    "railwatch_bridge_nodes",
    "Nodes, by what the bridge makes of them.",
    labels=("state",),
    source="last cycle",
    states=NODE_STATES,
)
VERIFIED_NODES = gauge(
    "railwatch_bridge_verified_nodes",
    "Nodes whose repair a person vouches for, by what the annotation is worth.",
    labels=("worth",),
    source="annotation `verified`",
)
BUDGET_SIZE = gauge(
    "railwatch_bridge_budget_size",
    "Nodes that may be out of use (avoided, newly taken) at once before no further one is.",
    labels=("budget",),
    source="--budget.*",
)
BUDGET_USED = gauge(
    "railwatch_bridge_budget_used",
    "Nodes out of use: tainted by the bridge, cordoned by others, or not Ready; avoided ones for "
    "`avoid`, those taken lately for `rate`.",
    labels=("budget",),
    source="last cycle",
)
BUDGET_WITHHELD = gauge(
    "railwatch_bridge_budget_withheld",
    "Nodes that would be tainted if the budget allowed it, by the budget that does not (or pause).",
    labels=("budget",),
    source="last cycle",
)
ALERTS_SKIPPED = gauge(
    "railwatch_bridge_alerts_skipped",
    "Alerts of the last cycle that were left alone, by reason.",
    labels=("reason",),
    source="last cycle",
)
WEBHOOKS = counter(
    "railwatch_bridge_webhook_requests_total",
    "Webhook requests, by what became of them.",
    labels=("result",),
    source="webhook",
)

EVENTS = counter(
    "railwatch_bridge_events_total",
    "Kubernetes Events about nodes, by what became of them.",
    labels=("result",),
    source="cycles",
)
FAULT_LATENCY = Metric(
    name="railwatch_bridge_fault_latency_seconds",
    kind=Kind.HISTOGRAM,
    unit="seconds",
    labels=("hop",),
    help="Time that a new fault took from its alert to its node, by hop.",
    source="cycles",
)
DECISION_LOG_LINES = counter(
    "railwatch_bridge_decision_log_lines_total",
    "Lines of the decision log, by whether they could be written.",
    labels=("result",),
    source="--decision-log",
)
SHADOW_TAINTS = gauge(
    "railwatch_bridge_shadow_taints",
    "Nodes that would carry the taint had the bridge been allowed to write.",
    labels=("condition", "verdict"),
    source="--shadow",
)
SHADOW_CONDITIONS = gauge(
    "railwatch_bridge_shadow_conditions",
    "Nodes that would carry the condition had the bridge been allowed to write.",
    labels=("condition", "status"),
    source="--shadow",
)
INTOLERANT_DAEMON_SETS = gauge(
    "railwatch_bridge_intolerant_daemonsets",
    "DaemonSets on managed nodes whose pods do not tolerate the bridge's taints.",
    source="kube-apiserver",
)
INTOLERANT_NODES = gauge(
    "railwatch_bridge_intolerant_nodes",
    "Managed nodes that such DaemonSets run on.",
    source="kube-apiserver",
)
DAEMON_SET_CHECK = gauge(
    "railwatch_bridge_daemonset_check",
    "1 for how the last look at the DaemonSets went.",
    labels=("state",),
    source="kube-apiserver",
    states=DAEMON_SET_CHECKS,
)

LEASE_END_TIMESTAMP = gauge(
    "railwatch_bridge_node_lease_end_timestamp_seconds",
    "When the lease of a rented node ends, as its owner says; no series for any other node.",
    labels=(labels.NODE,),
    unit="seconds",
    source="annotation `lease-end`",
)
MALFORMED_LEASE_ENDS = gauge(
    "railwatch_bridge_malformed_lease_ends",
    "Nodes whose annotation `lease-end` is no RFC 3339 time with a time zone.",
    source="annotation `lease-end`",
)

METRICS: tuple[Metric, ...] = (
    BUILD_INFO,
    LEADER,
    SOURCE_UP,
    SOURCE_ERRORS,
    CYCLE_DURATION,
    CYCLE_TIMESTAMP,
    CYCLE_FAILURES,
    STEPS,
    API_FAILURES,
    FAULTS,
    PAUSED,
    SUSPECTED,
    FAULT_STATE,
    WITHHELD_FAULTS,
    NODES,
    VERIFIED_NODES,
    BUDGET_SIZE,
    BUDGET_USED,
    BUDGET_WITHHELD,
    ALERTS_SKIPPED,
    WEBHOOKS,
    EVENTS,
    FAULT_LATENCY,
    DECISION_LOG_LINES,
    SHADOW_TAINTS,
    SHADOW_CONDITIONS,
    INTOLERANT_DAEMON_SETS,
    INTOLERANT_NODES,
    DAEMON_SET_CHECK,
    LEASE_END_TIMESTAMP,
    MALFORMED_LEASE_ENDS,
)
