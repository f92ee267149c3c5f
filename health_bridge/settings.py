"""Every setting of railwatch-bridge, with its default and its flag."""

from dataclasses import dataclass
from urllib.parse import urlsplit

from catalog.verdicts import Verdict
from catalog.wire import LINE_LABEL, topology_key
from health_bridge.connection import Connection
from health_bridge.decision import limits
from program.durations import parse_duration
from program.flags import at_least, flag

DEFAULT_ADDRESS = ":9411"


def _url(text: str) -> str:
    try:
        parts = urlsplit(text)
        good = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError as error:
        raise ValueError(f"{text!r} is not a URL: {error}") from None
    if not good or parts.query or parts.fragment or any(c.isspace() for c in text):
        raise ValueError(f"{text!r} is not a URL such as http://prometheus:9090")
    return text.rstrip("/")


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings(Connection):
    """What the daemon's own flags say."""

    alertmanager_urls: tuple[str, ...] = flag(
        "alertmanager.url",
        default=(),
        metavar="URL",
        parse=_url,
        help="an Alertmanager to read alerts from; repeatable",
    )
    prometheus_urls: tuple[str, ...] = flag(
        "prometheus.url",
        default=(),
        metavar="URL",
        parse=_url,
        help="a Prometheus that judges with our rules; repeatable. "
        "Only it can confirm a cordon and prove a recovery",
    )
    http_config_file: str = flag(
        "http.config.file",
        default="",
        metavar="FILE",
        help="how each source is asked: its URL → authorization, basic_auth, tls_config, "
        "http_headers, as in Prometheus' own http_config",
    )
    proofs_file: str = flag(
        "proofs.file",
        default="",
        metavar="FILE",
        help="the proofs that were rendered with the rules (bridge/proofs.yaml)",
    )
    cluster: str = flag(
        "cluster",
        default="",
        metavar="NAME",
        help="leave alone alerts whose label `cluster` is not this, as node names repeat; needed "
        "to cordon and drain; empty: look at all",
    )
    node_selector: str = flag(
        "node-selector",
        default="",
        metavar="SELECTOR",
        help="label selector of the nodes to manage; empty: every node",
    )
    webhook_token_file: str = flag(
        "webhook.bearer-token-file",
        default="",
        metavar="FILE",
        help="take a webhook only with the bearer token in this file; empty: from anyone",
    )
    interval: float = flag(
        "interval",
        default=15.0,
        metavar="DURATION",
        parse=at_least(0.1),
        help="how often to look at sources and nodes; a webhook makes it look at once",
    )
    blind_grace: float = flag(
        "blind-grace",
        default=300.0,
        metavar="DURATION",
        parse=parse_duration,
        help="how long telemetry may be lost before a condition becomes Unknown",
    )
    boot_grace: float = flag(
        "boot-grace",
        default=300.0,
        metavar="DURATION",
        parse=parse_duration,
        help="an open fault that fires again and stops again within this time after a boot "
        "demands no further reboot",
    )
    verdict_max: str = flag(
        "verdict.max",
        default=Verdict.OBSERVE.label,
        choices=tuple(verdict.label for verdict in Verdict),
        help="worst that may be done to a node; observe writes conditions and never a taint",
    )
    budget_fleet: str = flag(
        "budget.fleet",
        default="10%",
        metavar="NODES",
        parse=limits.budget,
        help="nodes that may be out of use at once before no further one is taken, "
        "a number or a percentage of the managed ones",
    )
    budget_avoid: str = flag(
        "budget.avoid",
        default="50%",
        metavar="NODES",
        parse=limits.budget,
        help="nodes that may be avoided (PreferNoSchedule) at once",
    )
    budget_tiers: tuple[tuple[str, str], ...] = flag(
        "budget.tier",
        default=(),
        metavar="TIER=NODES",
        parse=limits.tier_budget,
        help="the same as --budget.fleet within each domain of a topology tier, such as 0=50%; "
        "repeatable",
    )
    budget_labels: tuple[tuple[str, str], ...] = flag(
        "budget.label",
        default=(),
        metavar="LABEL=NODES",
        parse=limits.label_budget,
        help="the same within each value of a node label, such as pool=20%; repeatable",
    )
    budget_rate: str = flag(
        "budget.rate",
        default="",
        metavar="NODES/DURATION",
        parse=limits.rate_text,
        help="nodes that may be newly taken within a time, such as 5%/10m; empty: no limit",
    )
    domain_share: str = flag(
        "domain.share",
        default="50%",
        metavar="PERCENT",
        parse=limits.percentage,
        help="share of a topology domain's nodes, at least 3, whose links fail alike before they "
        "are one FabricFault; 0% turns that off",
    )
    line_label: str = flag(
        "line.label",
        default=topology_key(LINE_LABEL),
        metavar="LABEL",
        help="node label that names the dedicated line a node is behind",
    )
    flap_window: float = flag(
        "flap.window",
        default=86_400.0,
        metavar="DURATION",
        parse=parse_duration,
        help="a fault that comes back within this time doubles its soak each time; 0: never",
    )
    fence_devices: bool = flag(
        "fence-devices",
        default=True,
        help="keep pods off a faulty GPU alone, by a DeviceTaintRule, where the API server serves "
        "them and a ResourceSlice has the GPU",
    )
    gpu_scope_fallback: str = flag(
        "gpu-scope-fallback",
        default="node",
        choices=("node", "none"),
        help="what a GPU's fault does where nothing fences the GPU alone: taint the node, or only "
        "lower its score",
    )
    verify_nodes: bool = flag(
        "verify-nodes",
        default=False,
        help="new and rebooted nodes are AcceleratorsUnverified until every expected GPU and port "
        "is observed and healthy",
    )
    pause: bool = flag(
        "pause",
        default=False,
        help="put no new taint on any node; conditions are written and recoveries pass",
    )
    pause_namespace: str = flag(
        "pause.namespace",
        default="railwatch",
        metavar="NAMESPACE",
        help="namespace of the ConfigMap whose key `pause`, if `true`, does the same at run time",
    )
    pause_name: str = flag(
        "pause.name",
        default="railwatch-bridge",
        metavar="NAME",
        help="name of that ConfigMap; empty: do not look at any",
    )
    write_rate: float = flag(
        "write.rate",
        default=400.0,
        metavar="REQUESTS",
        parse=limits.per_second,
        help="requests a second that write to nodes, at most; a node that falls ill takes two",
    )
    write_burst: int = flag(
        "write.burst",
        default=100,
        metavar="REQUESTS",
        parse=limits.count,
        help="such requests that may be sent at once after a rest",
    )
    write_workers: int = flag(
        "write.workers",
        default=16,
        metavar="COUNT",
        parse=limits.count,
        help="nodes that are written side by side",
    )
    leader_elect: bool = flag(
        "leader-elect", default=True, help="write only while holding the Lease"
    )
    lease_duration: float = flag(
        "lease.duration",
        default=10.0,
        metavar="DURATION",
        parse=at_least(1),
        help="how long the Lease outlives its holder's last word",
    )
    shadow: bool = flag(
        "shadow",
        default=False,
        help="decide as if all were written, write nothing, and export the taints and conditions "
        "that would be there",
    )
    decision_log: str = flag(
        "decision-log",
        default="",
        metavar="FILE",
        help="write a JSON line for each cycle that decides something; "
        "`railwatch-bridge replay FILE` decides it again",
    )
    decision_log_size: str = flag(
        "decision-log.size",
        default="64MiB",
        metavar="SIZE",
        parse=limits.size_text,
        help="begin a new file where the old one would become larger",
    )
    decision_log_files: int = flag(
        "decision-log.files",
        default=8,
        metavar="COUNT",
        parse=limits.count,
        help="keep as many files, the oldest goes first",
    )
    events: bool = flag(
        "events", default=True, help="tell what is done to a node in Kubernetes Events too"
    )
    check_daemonsets: bool = flag(
        "check-daemonsets",
        default=True,
        help="name the DaemonSets on managed nodes whose pods would not tolerate our taints",
    )
    dry_run: bool = flag(
        "dry-run", default=False, help="print each step instead of taking it; write nothing"
    )
