"""Metrics of the probes that are sent along a line."""

from catalog.metrics import Metric, counter, gauge

PEER = ("line", "peer", "kind")

TCP, ICMP = "tcp", "icmp"
PROBE_KINDS = (TCP, ICMP)

ANSWERED, TIMEOUT, REFUSED = "answered", "timeout", "refused"
UNREACHABLE, ERROR = "unreachable", "error"
PROBE_RESULTS = (ANSWERED, TIMEOUT, REFUSED, UNREACHABLE, ERROR)
"""refused: the peer, or a firewall in its name, reset the connection; unreachable: a router or this
node says that there is no way; error: this node could not send."""

STATISTICS = ("last", "min", "mean", "median", "p95", "max")

_PROBE = "exporter: TCP connect, ICMP echo"

PROBES = counter(
    "railwatch_uplink_probes_total",
    "Probes that ended, by how.",
    labels=(*PEER, "result"),
    source=_PROBE,
)
PROBE_ROUND_TRIP_SUM = counter(
    "railwatch_uplink_probe_round_trip_seconds_total",
    "Round trips of all answered probes, added up; divided by those, their mean over any time.",
    labels=PEER,
    unit="seconds",
    source=_PROBE,
)
PROBE_SUCCESS = gauge(
    "railwatch_uplink_probe_success",
    "1 if the last probe was answered, 0 if not.",
    labels=PEER,
    source=_PROBE,
)
PROBE_ROUND_TRIP = gauge(
    "railwatch_uplink_probe_round_trip_seconds",
    "Round trip of the answered ones of the last minute's probes (at least ten): last, min, mean, "
    "median, p95, max.",
    labels=(*PEER, "statistic"),
    unit="seconds",
    source=_PROBE,
)
PROBE_JITTER = gauge(
    "railwatch_uplink_probe_jitter_seconds",
    "Mean absolute difference between one answered probe's round trip and the next one's, over the "
    "last minute's probes (at least ten).",
    labels=PEER,
    unit="seconds",
    source=_PROBE,
)
PROBE_LOSS = gauge(
    "railwatch_uplink_probe_loss_ratio",
    "Share of the last minute's probes (at least ten) that were not answered.",
    labels=PEER,
    unit="ratio",
    source=_PROBE,
)
METRICS: tuple[Metric, ...] = (
    PROBES,
    PROBE_ROUND_TRIP_SUM,
    PROBE_SUCCESS,
    PROBE_ROUND_TRIP,
    PROBE_JITTER,
    PROBE_LOSS,
)
