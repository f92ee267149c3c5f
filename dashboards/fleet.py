"""The whole fleet at a glance, in sums: how many devices work, what is wrong, where to look.

Every sum is recorded, so that the dashboard opens as fast for 5,000 nodes as for five.
"""

from catalog import fleet as recorded
from catalog.gpu import GPU_STATE
from catalog.labels import CONDITION, NODE, VERDICT
from catalog.rdma import RDMA_PORT_LINK_DOWNED, RDMA_PORT_RECEIVE, RDMA_PORT_TRANSMIT
from dashboards import variables
from dashboards.links import FLEET_UID, to_node
from dashboards.model import Board, Chart, Column, Panel, Section, Step, Unit
from dashboards.panels import bars, chart, table
from dashboards.promql import Scope, fleet_scope
from dashboards.sections import faults, totals
from dashboards.settings import Settings
from dashboards.states import USE_COLORS, colors

_NO_GPU = "No exporter reports a GPU."
_NO_PORT = "No exporter reports an RDMA port."
_PER_HOUR = 3600


def dashboard(settings: Settings) -> Board:
    """Describe the dashboard of the fleet."""
    scope = fleet_scope(settings)
    return Board(
        uid=FLEET_UID,
        title="railwatch / Fleet",
        description="All GPUs and RDMA ports in sums: what works, what is wrong, what is blind.",
        variables=(variables.cluster(settings),),
        sections=(
            totals.now(scope),
            Section(
                title="Where to look",
                panels=(faults.by_node(scope), _silent(scope), _collectors(scope)),
            ),
            Section(title="GPUs", panels=_gpus(scope)),
            Section(title="Faults", panels=(_open(scope), _xids(scope))),
            Section(title="RDMA", panels=(_throughput(scope), _links_lost(scope))),
            Section(title="Objectives", panels=_objectives(scope)),
        ),
        annotations=(faults.fleet_annotation(scope),),
    )


def _silent(scope: Scope) -> Panel:
    return table(
        "Exporters down by node",
        "Nodes whose exporter does not answer. Their conditions go Unknown after the bridge's "
        "grace; nothing is tainted for silence.",
        (
            Column(field=scope.cluster, title="Cluster"),
            Column(field=NODE, title="Node", link=to_node()),
        ),
        (f"max by {scope.labels()} ({scope.up()}) == 0",),
        none="Every exporter answers.",
        width=12,
    )


def _collectors(scope: Scope) -> Panel:
    unwell = scope.select(recorded.COLLECTORS, 'state=~"failed|hung"')
    return chart(
        "Nodes with a blind collector",
        "Nodes on which a facility is there but cannot be read, or does not answer in time. Its "
        "faults can neither be seen nor be proven gone.",
        {"{{family}}/{{facility}}": f"sum by (family, facility) ({unwell}) > 0"},
        none="Every collector reads what there is.",
    )


def _gpus(scope: Scope) -> tuple[Panel, ...]:
    def total(metric: recorded.Recorded) -> str:
        return f"sum({scope.select(metric)})"

    return (
        chart(
            "GPUs by state",
            f"{GPU_STATE.help} A fall of the whole stack means exporters not heard.",
            {"{{state}}": f"sum by (state) ({scope.select(recorded.GPUS)})"},
            view=Chart(stacked=True, fixed=colors(GPU_STATE)),
            none=_NO_GPU,
        ),
        chart(
            "GPUs by use",
            f"{recorded.GPU_USE.help} Idle: a pod holds it and it does not work. Lost: a fault "
            "keeps work away from it, whoever holds it.",
            {"{{use}}": f"sum by (use) ({scope.select(recorded.GPU_USE)})"},
            view=Chart(stacked=True, fixed=USE_COLORS),
            none=_NO_GPU,
        ),
        chart(
            "Mean utilisation",
            "Mean over all GPUs of the share of time in which a kernel ran. Far below the share of "
            "busy GPUs it means jobs that hold GPUs without feeding them.",
            {
                "utilisation": f"{total(recorded.UTILIZATION_SUM)} "
                f"/ {total(recorded.UTILIZATION_COUNT)}"
            },
            unit=Unit.RATIO,
            view=Chart(maximum=1),
            none=_NO_GPU,
        ),
        chart(
            "GPU memory",
            "Framebuffer memory allocated by processes; dashed: what there is.",
            {
                "in use": total(recorded.MEMORY_USED_SUM),
                "capacity": total(recorded.MEMORY_CAPACITY_SUM),
            },
            unit=Unit.BYTES,
            view=Chart(dashed=("capacity",)),
            none=_NO_GPU,
        ),
        chart(
            "GPU power",
            "Power draw of all boards; dashed: the sum of the limits in force.",
            {"draw": total(recorded.POWER_SUM), "limit": total(recorded.POWER_LIMIT_SUM)},
            unit=Unit.WATTS,
            view=Chart(dashed=("limit",)),
            none=_NO_GPU,
        ),
        bars(
            "GPUs by holder",
            "GPUs that each namespace holds, whatever they do; none stands for those that work "
            "for no pod.",
            f"sum by (namespace) ({scope.select(recorded.GPU_USE, _HELD)})",
            "{{namespace}}",
            none="No pod holds a GPU.",
        ),
    )


_HELD = 'use!="free",namespace!=""'


def _open(scope: Scope) -> Panel:
    return chart(
        "Open faults by condition",
        "Firing alerts that the bridge acts on, by the node condition they set.",
        {
            "{{condition}} ({{verdict}})": f"sum by ({CONDITION}, {VERDICT}) "
            f"({scope.select(recorded.OPEN_FAULTS)})"
        },
        view=Chart(stacked=True),
        none="No fault was open in this time range.",
    )


def _xids(scope: Scope) -> Panel:
    return chart(
        "Xid errors an hour",
        "Xid errors over all GPUs at their rate of the last five minutes, by NVIDIA's own "
        "resolution. A code that asks nothing of the node's owner counts from its second "
        "occurrence on.",
        {
            "{{resolution}}": f"{_PER_HOUR} * sum by (resolution) "
            f"({scope.select(recorded.XID_RATE)})"
        },
        view=Chart(bars=True, stacked=True),
        none="No Xid error is counted: no GPU reports its log.",
    )


def _throughput(scope: Scope) -> Panel:
    received, sent = (
        recorded.RAIL_RATES[metric] for metric in (RDMA_PORT_RECEIVE, RDMA_PORT_TRANSMIT)
    )
    return chart(
        "RDMA throughput",
        "Bytes a second over all ports; dashed: what their links could carry in one direction.",
        {
            "received": f"sum({scope.select(received)})",
            "sent": f"sum({scope.select(sent)})",
            "capacity": f"sum({scope.select(recorded.RAIL_CAPACITY)})",
        },
        unit=Unit.BYTES_PER_SECOND,
        view=Chart(dashed=("capacity",)),
        none=_NO_PORT,
    )


def _links_lost(scope: Scope) -> Panel:
    lost = scope.select(recorded.RAIL_RATES[RDMA_PORT_LINK_DOWNED])
    return chart(
        "RDMA links lost an hour",
        "Times that links went down, over all ports, at their rate of the last five minutes.",
        {"links lost": f"{_PER_HOUR} * sum({lost})"},
        view=Chart(bars=True),
        none=_NO_PORT,
    )


def _objectives(scope: Scope) -> tuple[Panel, ...]:
    def good(slo: str) -> str:
        errors = scope.select(recorded.SLO_ERRORS, f'slo="{slo}"')
        return f"1 - avg({errors})"

    objective = f"max by (slo) ({scope.select(recorded.SLO_OBJECTIVE)})"
    return (
        chart(
            "Goodput and telemetry",
            "Share of GPU-hours not lost to faults, and of nodes of which everything is observed; "
            "dashed: the objective of each.",
            {
                "goodput": good(recorded.GOODPUT),
                "telemetry": good(recorded.TELEMETRY),
                "objective: {{slo}}": objective,
            },
            unit=Unit.RATIO,
            none="No objective is recorded: railwatch's rules are not evaluated here.",
            view=Chart(
                dashed=("objective: goodput", "objective: telemetry"), minimum=0.9, maximum=1
            ),
        ),
        chart(
            "Burn rate",
            "How many times faster than the objective allows errors came over an hour and over six "
            "hours. At 1 a month's error budget lasts a month, at 14.4 two days.",
            {
                "{{slo}}, {{window}}": f"max by (slo, window) "
                f"({scope.select(recorded.SLO_BURN, _WINDOWS)})"
            },
            none="No objective is recorded: railwatch's rules are not evaluated here.",
            steps=(Step(value=6, color="orange"), Step(value=14.4, color="red")),
        ),
    )


_WINDOWS = 'window=~"1h|6h"'
