"""The dedicated line to a cloud's GPU nodes: how full, how fast, how lossy, and what uses it."""

from catalog.compared import LINE_ANSWERING, LINE_LOSS, LINE_ROUND_TRIP, LINE_USED
from catalog.labels import LINE, NODE
from catalog.metrics import Metric
from catalog.uplink import (
    CAPACITY,
    DISK_AVAILABLE,
    DISK_SIZE,
    DISK_WRITTEN_BYTES,
    INTERFACE_UP,
    POD_RECEIVE_BYTES,
    POD_TRANSMIT_BYTES,
    RECEIVE_BYTES,
    RECEIVE_DROPS,
    TRANSMIT_BYTES,
    TRANSMIT_DROPS,
)
from catalog.uplink_probes import PROBE_JITTER, PROBE_LOSS, PROBE_ROUND_TRIP
from catalog.uplink_tc import TC_BACKLOG_BYTES, TC_BYTES, TC_DROPS
from dashboards import variables
from dashboards.links import NAMESPACE, UPLINK_UID, to_node
from dashboards.model import Board, Chart, Column, Panel, Section, Step, Unit
from dashboards.panels import chart, figure, table
from dashboards.promql import Scope, fleet_scope, increase, rate
from dashboards.sections import faults
from dashboards.settings import Settings

_CHOSEN = variables.chosen(LINE)
_NO_LINE = "No exporter watches a line (--collector.uplink and its configuration)."
_NO_PROBE = "No exporter probes the other end of a line."


def dashboard(settings: Settings) -> Board:
    """Describe the dashboard of dedicated lines."""
    scope = fleet_scope(settings)
    return Board(
        uid=UPLINK_UID,
        title="railwatch / Hybrid cloud and dedicated line",
        description="The line between two sites, as the nodes that use it see it: how full it is, "
        "what delay and loss it has, what limits and what uses it.",
        variables=(variables.cluster(settings), variables.line(scope)),
        sections=(
            Section(title="Now", panels=_now(scope)),
            Section(title="Traffic", panels=_traffic(scope)),
            Section(title="Delay and loss", panels=_probes(scope)),
            Section(title="Limiters and preload disks", panels=_limits(scope)),
        ),
        annotations=(faults.fleet_annotation(scope),),
    )


def _now(scope: Scope) -> tuple[Panel, ...]:
    return (
        figure(
            "Used",
            "Traffic by the line's capacity, in the direction that is fuller, of the fullest line.",
            f"max({scope.select(LINE_USED, _CHOSEN)})",
            unit=Unit.RATIO,
            none="no line",
            steps=(Step(value=0.7, color="orange"), Step(value=0.9, color="red")),
            trend=True,
            width=6,
        ),
        figure(
            "Probes answered",
            "Share of the line's probes whose last one was answered, of the worst line.",
            f"min({scope.select(LINE_ANSWERING, _CHOSEN)})",
            unit=Unit.RATIO,
            none="no probe",
            width=6,
        ),
        figure(
            "Round trip",
            "Median over all nodes and peers, of the slowest line.",
            f"max({scope.select(LINE_ROUND_TRIP, _CHOSEN)})",
            unit=Unit.SECONDS,
            none="no probe",
            trend=True,
            width=6,
        ),
        figure(
            "Loss",
            "Mean loss over the last minute's probes, of the worst line.",
            f"max({scope.select(LINE_LOSS, _CHOSEN)})",
            unit=Unit.RATIO,
            none="no probe",
            steps=(Step(value=0.001, color="orange"), Step(value=0.01, color="red")),
            trend=True,
            width=6,
        ),
    )


def _both(scope: Scope, received: Metric, sent: Metric, by: str) -> dict[str, str]:
    return {
        f"{by} received": f"sum by ({_names(by)}) ({rate(scope.select(received, _CHOSEN))})",
        f"{by} sent": f"sum by ({_names(by)}) ({rate(scope.select(sent, _CHOSEN))})",
    }


def _names(legend: str) -> str:
    return legend.replace("{{", "").replace("}}", "").replace(" ", ", ")


def _traffic(scope: Scope) -> tuple[Panel, ...]:
    pods = f"{NODE}, {NAMESPACE}, pod"
    received, sent = (
        f"sum by ({pods}) ({rate(scope.select(metric, _CHOSEN))})"
        for metric in (POD_RECEIVE_BYTES, POD_TRANSMIT_BYTES)
    )
    return (
        chart(
            "Traffic by line",
            "Over all interfaces of all nodes on the line; dashed: what the line can carry.",
            _both(scope, RECEIVE_BYTES, TRANSMIT_BYTES, "{{line}}")
            | {"capacity": f"max({scope.select(CAPACITY, _CHOSEN)})"},
            unit=Unit.BYTES_PER_SECOND,
            none=_NO_LINE,
            view=Chart(dashed=("capacity",)),
        ),
        chart(
            "Traffic by node",
            "Over the interfaces that belong to the line.",
            _both(scope, RECEIVE_BYTES, TRANSMIT_BYTES, "{{node}}"),
            unit=Unit.BYTES_PER_SECOND,
            none=_NO_LINE,
        ),
        table(
            "Pods that move most",
            f"{POD_RECEIVE_BYTES.help}",
            (
                Column(field=NODE, title="Node", link=to_node()),
                Column(field=NAMESPACE, title="Namespace"),
                Column(field="pod", title="Pod"),
                Column(field="Value #A", title="Received"),
                Column(field="Value #B", title="Sent"),
            ),
            (f"topk(15, {received})", f"topk(15, {sent})"),
            unit=Unit.BYTES_PER_SECOND,
            none="No pod's host interface is watched.",
            width=12,
        ),
        chart(
            "Packets dropped",
            "By the line's interfaces, both directions. Shown: the increase in each window.",
            {
                "{{line}} {{node}}": f"sum by ({LINE}, {NODE}) "
                f"({increase(scope.select(RECEIVE_DROPS, _CHOSEN))} + "
                f"{increase(scope.select(TRANSMIT_DROPS, _CHOSEN))})"
            },
            none=_NO_LINE,
            view=Chart(bars=True),
        ),
        table(
            "Interfaces",
            INTERFACE_UP.help,
            (
                Column(field=LINE, title="Line"),
                Column(field=NODE, title="Node", link=to_node()),
                Column(field="interface", title="Interface"),
                Column(field="Value", title="Up"),
            ),
            (scope.select(INTERFACE_UP, _CHOSEN),),
            none=_NO_LINE,
            height=6,
        ),
    )


def _probes(scope: Scope) -> tuple[Panel, ...]:
    by = f"{LINE}, peer, kind"
    legend = "{{line}} to {{peer}} ({{kind}})"

    def worst(metric: Metric, *more: str) -> dict[str, str]:
        return {legend: f"max by ({by}) ({scope.select(metric, _CHOSEN, *more)})"}

    return (
        chart(
            "Round trip, median of a minute",
            f"{PROBE_ROUND_TRIP.help} Of the node that is worst off.",
            worst(PROBE_ROUND_TRIP, 'statistic="median"'),
            unit=Unit.SECONDS,
            none=_NO_PROBE,
            width=8,
        ),
        chart(
            "Jitter",
            f"{PROBE_JITTER.help} Of the node that is worst off.",
            worst(PROBE_JITTER),
            unit=Unit.SECONDS,
            none=_NO_PROBE,
            width=8,
        ),
        chart(
            "Loss",
            f"{PROBE_LOSS.help} Of the node that is worst off.",
            worst(PROBE_LOSS),
            unit=Unit.RATIO,
            none=_NO_PROBE,
            steps=(Step(value=0.01, color="red"),),
            width=8,
        ),
    )


def _limits(scope: Scope) -> tuple[Panel, ...]:
    limiter = f"{LINE}, {NODE}, interface, kind, handle"
    legend = "{{node}} {{interface}} {{kind}} {{handle}}"
    disks = f"{LINE}, {NODE}, path"
    return (
        chart(
            "Through limiters",
            TC_BYTES.help,
            {legend: f"sum by ({limiter}) ({rate(scope.select(TC_BYTES, _CHOSEN))})"},
            unit=Unit.BYTES_PER_SECOND,
            none="No queue or policer shapes the line's interfaces.",
            width=8,
        ),
        chart(
            "Waiting in limiters",
            TC_BACKLOG_BYTES.help,
            {legend: f"sum by ({limiter}) ({scope.select(TC_BACKLOG_BYTES, _CHOSEN)})"},
            unit=Unit.BYTES,
            none="No queue shapes the line's interfaces.",
            width=8,
        ),
        chart(
            "Dropped by limiters",
            f"{TC_DROPS.help} Shown: the increase in each window.",
            {legend: f"sum by ({limiter}) ({increase(scope.select(TC_DROPS, _CHOSEN))})"},
            none="No queue or policer shapes the line's interfaces.",
            view=Chart(bars=True),
            width=8,
        ),
        chart(
            "Preload disks filled",
            "Share of each file system for preloaded data that nobody may use any more.",
            {
                "{{node}} {{path}}": f"1 - sum by ({disks}) "
                f"({scope.select(DISK_AVAILABLE, _CHOSEN)}) / sum by ({disks}) "
                f"({scope.select(DISK_SIZE, _CHOSEN)})"
            },
            unit=Unit.RATIO,
            none="No preload disk is configured.",
            view=Chart(maximum=1),
            steps=(Step(value=0.9, color="orange"),),
        ),
        chart(
            "Written to preload disks",
            DISK_WRITTEN_BYTES.help,
            {
                "{{node}} {{path}}": f"sum by ({disks}) "
                f"({rate(scope.select(DISK_WRITTEN_BYTES, _CHOSEN))})"
            },
            unit=Unit.BYTES_PER_SECOND,
            none="No preload disk is configured, or its device tells nothing.",
        ),
    )
