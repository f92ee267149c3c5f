"""The RDMA fabric: rails and leaves, what they carry, where it jams, which links are bad."""

from catalog import fleet as recorded
from catalog.fabric import (
    FABRIC_CHANGES,
    FABRIC_COMPLETE,
    FABRIC_LINK_BAD,
    FABRIC_LINK_LOST,
    FABRIC_MISCABLED,
    FABRIC_NODES,
)
from catalog.labels import DEVICE, NODE, PORT
from catalog.metrics import Metric
from catalog.rdma import RDMA_PORT_LINK_DOWNED, RDMA_PORT_RECEIVE, RDMA_PORT_TRANSMIT
from catalog.rdma_counters import BY_FILE
from catalog.rdma_modules import RDMA_MODULE_INFO
from catalog.topology import RDMA_RAIL_MISCABLED
from dashboards import variables
from dashboards.links import FABRIC_UID, to_node
from dashboards.model import Board, Chart, Column, Panel, Section, Step, Unit
from dashboards.panels import ANY_BAD, ANY_ODD, bars, chart, figure, table
from dashboards.promql import Scope, fleet_scope
from dashboards.sections import faults
from dashboards.settings import Settings
from dashboards.states import PORT_COLORS

_RAIL = variables.chosen(variables.RAIL)
_NO_PORT = "No exporter reports an RDMA port."
_NO_FABRIC = "No exporter looks at the fabric (--collector.fabric, on InfiniBand)."
_HOUR = 3600


def dashboard(settings: Settings) -> Board:
    """Describe the dashboard of the fabric."""
    scope = fleet_scope(settings)
    return Board(
        uid=FABRIC_UID,
        title="railwatch / RDMA fabric",
        description="Rails and leaf switches: what works, what they carry, where it jams, and "
        "which links want a new cable.",
        variables=(variables.cluster(settings), variables.rail(scope)),
        sections=(
            Section(title="Now", panels=_now(scope)),
            Section(title="Rails", panels=_rails(scope)),
            Section(title="Congestion", panels=_congestion(scope)),
            Section(title="Links", panels=_links(scope)),
            Section(title="Cabling", panels=_cabling(scope)),
        ),
        annotations=(faults.fleet_annotation(scope),),
    )


def _sum(scope: Scope, series: recorded.Recorded, by: str = "", *more: str) -> str:
    grouped = f" by ({by})" if by else ""
    return f"sum{grouped} ({scope.select(series, _RAIL, *more)})"


def _ports(scope: Scope, state: str) -> str:
    chosen = scope.select(recorded.RAIL_PORTS, _RAIL)
    only = scope.select(recorded.RAIL_PORTS, _RAIL, f'state="{state}"')
    return f"sum({only}) or 0 * sum({chosen})"


def _now(scope: Scope) -> tuple[Panel, ...]:
    suspects = f"count by {scope.labels(DEVICE, PORT)} ({scope.select(recorded.LINK_SUSPECT)})"
    rails = scope.select(recorded.RAIL_PORTS)
    return (
        figure(
            "Ports active",
            "Ports in which traffic can flow.",
            _ports(scope, recorded.ACTIVE),
            none="no port seen",
        ),
        figure(
            "Ports down",
            "Ports that should be active and are not, or are not seen at all.",
            _ports(scope, recorded.DOWN),
            none="no port seen",
            steps=ANY_BAD,
            trend=True,
        ),
        figure(
            "Links that want a cable",
            "Ports whose link has a reason to suspect its cable or module, listed below.",
            f"count({suspects}) or 0 * sum({rails})",
            none="no port seen",
            steps=ANY_ODD,
        ),
        figure(
            "Used",
            "Bytes received by what the links could carry.",
            f"{_sum(scope, recorded.RAIL_RATES[RDMA_PORT_RECEIVE])} / "
            f"{_sum(scope, recorded.RAIL_CAPACITY)}",
            unit=Unit.RATIO,
            none="no port seen",
        ),
        figure(
            "Switches",
            FABRIC_NODES.help,
            f"max({scope.select(FABRIC_NODES, _SWITCH)})",
            none="not looked at",
        ),
        figure(
            "Fabric seen whole",
            FABRIC_COMPLETE.help,
            f"min({scope.select(FABRIC_COMPLETE)})",
            none="not looked at",
            values=faults.YES,
        ),
    )


_SWITCH = 'kind="switch"'


def _rails(scope: Scope) -> tuple[Panel, ...]:
    received = recorded.RAIL_RATES[RDMA_PORT_RECEIVE]
    sent = recorded.RAIL_RATES[RDMA_PORT_TRANSMIT]
    used = f"{_sum(scope, received, 'rail, leaf')} / {_sum(scope, recorded.RAIL_CAPACITY, _BOTH)}"
    return (
        chart(
            "Received by rail",
            "Rails of one job carry the same; one that carries less holds the others up.",
            {"rail {{rail}}": _sum(scope, received, "rail")},
            unit=Unit.BYTES_PER_SECOND,
            none=_NO_PORT,
        ),
        chart(
            "Sent by rail",
            "Rails of one job carry the same; one that carries less holds the others up.",
            {"rail {{rail}}": _sum(scope, sent, "rail")},
            unit=Unit.BYTES_PER_SECOND,
            none=_NO_PORT,
        ),
        bars(
            "Leaves by use",
            "What the ports behind each leaf switch receive, by what their links could carry.",
            f"topk(20, {used})",
            "rail {{rail}} {{leaf}}",
            unit=Unit.RATIO,
            maximum=1,
            steps=(Step(value=0.8, color="orange"),),
            none=_NO_PORT,
        ),
        chart(
            "Ports by state",
            f"{recorded.RAIL_PORTS.help} Down: it should be active and is not.",
            {"{{state}}": _sum(scope, recorded.RAIL_PORTS, "state")},
            none=_NO_PORT,
            view=Chart(stacked=True, fixed=PORT_COLORS),
        ),
    )


_BOTH = "rail, leaf"


def _rate(scope: Scope, file: str, title: str, text: str) -> Panel:
    metric = BY_FILE[file]
    return chart(
        title,
        f"{metric.help} {text}",
        {"rail {{rail}}": _sum(scope, recorded.RAIL_RATES[metric], "rail")},
        unit=Unit.PER_SECOND,
        none="These ports do not count this.",
        width=8,
    )


def _congestion(scope: Scope) -> tuple[Panel, ...]:
    paused = _sum(scope, recorded.RAIL_PAUSED, "rail, direction")
    active = _sum(scope, recorded.RAIL_PORTS, "rail", 'state="active"')
    return (
        chart(
            "Time held by pause frames",
            "Share of port-time in which the worst priority was held, by who asked for it: "
            "received ones held our ports, transmitted ones the network's.",
            {
                "rail {{rail}} {{direction}}": f"{paused} / on (rail) group_left () {active}",
            },
            unit=Unit.RATIO,
            none="No Ethernet port counts pause frames.",
            steps=(Step(value=0.1, color="red"),),
            width=8,
        ),
        _rate(scope, "rp_cnp_handled", "Slowed down by congestion", "RoCE."),
        _rate(scope, "np_ecn_marked_roce_packets", "Marked by switches", "RoCE."),
        _rate(scope, "port_xmit_wait", "Waiting for credit", "InfiniBand."),
        _rate(scope, "out_of_sequence", "Out of order", "Loss, or adaptive routing."),
        _rate(scope, "out_of_buffer", "No receive request posted", "The host is too slow."),
    )


def _links(scope: Scope) -> tuple[Panel, ...]:
    suspect = (
        f"sum by {scope.labels(DEVICE, PORT, 'reason')} ({scope.select(recorded.LINK_SUSPECT)})"
    )
    cable = ", ".join(_CABLE)
    module = f"max by {scope.labels(DEVICE, PORT, *_CABLE)} ({scope.select(RDMA_MODULE_INFO)})"
    key = scope.labels(DEVICE, PORT)
    return (
        table(
            "Links that want a new cable",
            f"{recorded.LINK_SUSPECT.help} Clean and reseat first, then swap the cable, then the "
            "switch port.",
            (
                Column(field=scope.cluster, title="Cluster"),
                Column(field=NODE, title="Node", link=to_node()),
                Column(field=DEVICE, title="Device"),
                Column(field=PORT, title="Port"),
                Column(field="reason", title="Reason"),
                Column(field="Value", title="How bad", unit=Unit.SCIENTIFIC),
                Column(field="vendor", title="Vendor"),
                Column(field="part", title="Part"),
                Column(field="serial", title="Serial number"),
            ),
            (
                (
                    f"{suspect} * on {key} group_left ({cable}) {module} "
                    f"or {suspect} unless on {key} {module}"
                ),
            ),
            none="No link has a reason to suspect its cable.",
            height=9,
        ),
        chart(
            "Links lost an hour",
            "Times that links went down, at their rate of the last five minutes.",
            {
                "rail {{rail}}": f"{_HOUR} * "
                f"{_sum(scope, recorded.RAIL_RATES[RDMA_PORT_LINK_DOWNED], 'rail')}"
            },
            none=_NO_PORT,
            view=Chart(bars=True, stacked=True),
        ),
        chart(
            "Symbol errors",
            BY_FILE["symbol_error"].help,
            {"rail {{rail}}": _sum(scope, recorded.RAIL_RATES[BY_FILE["symbol_error"]], "rail")},
            unit=Unit.PER_SECOND,
            none="These ports do not count symbol errors.",
        ),
    )


_CABLE = ("vendor", "part", "serial")


def _cabling(scope: Scope) -> tuple[Panel, ...]:
    return (
        _switch_links(scope, FABRIC_LINK_BAD, "Switch links that are bad", "reason"),
        _switch_links(scope, FABRIC_LINK_LOST, "Switch links that are gone"),
        table(
            "Ports on another leaf than their rail's",
            f"{RDMA_RAIL_MISCABLED.help} Or, from the fabric: {FABRIC_MISCABLED.help}",
            (
                Column(field=NODE, title="Node", link=to_node()),
                Column(field=DEVICE, title="Device"),
                Column(field="leaf", title="Leaf"),
                Column(field="expected", title="Should be"),
            ),
            (f"{scope.select(RDMA_RAIL_MISCABLED)} == 1 or {_miscabled(scope)}",),
            none="Every port hangs where it should, as far as that is declared.",
            width=12,
        ),
        chart(
            "Changes of the topology",
            FABRIC_CHANGES.help,
            {"{{change}}": f"sum by (change) (increase({scope.select(FABRIC_CHANGES)}[1h]))"},
            none=_NO_FABRIC,
            view=Chart(bars=True),
        ),
    )


def _miscabled(scope: Scope) -> str:
    found = scope.select(FABRIC_MISCABLED)
    host = f'label_replace({found}, "{NODE}", "$1", "host", "(.+)")'
    return f'label_replace({host}, "expected", "$1", "expected_leaf", "(.+)")'


def _switch_links(scope: Scope, metric: Metric, title: str, *more: str) -> Panel:
    return table(
        title,
        metric.help,
        (
            Column(field="switch", title="Switch"),
            Column(field=PORT, title="Port"),
            Column(field="peer", title="Peer"),
            Column(field="peer_port", title="Peer port"),
            *(Column(field=name, title=name.capitalize()) for name in more),
        ),
        (scope.select(metric),),
        none="None, or no exporter looks at the fabric.",
        width=12,
    )
