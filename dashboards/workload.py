"""One workload in one view: its pods, their GPUs, the NICs near these, and the caches they read."""

from catalog import neighbours
from catalog.compared import CLOCK_RATIO
from catalog.foreign import Foreign
from catalog.gpu import (
    GPU_MEMORY_CAPACITY,
    GPU_MEMORY_USED,
    GPU_POWER,
    GPU_TEMPERATURE,
    GPU_UTILIZATION,
)
from catalog.gpu_clocks import GPU_CLOCK
from catalog.gpu_gpm import GPU_TENSOR_ACTIVE
from catalog.labels import DEVICE, GPU, NODE, SEVERITY
from catalog.rdma import RDMA_PORT_RECEIVE, RDMA_PORT_STATE, RDMA_PORT_TRANSMIT
from catalog.rdma_counters import BY_FILE
from catalog.rdma_netlink import RDMA_POD_QUEUE_PAIRS
from dashboards import variables
from dashboards.links import NAMESPACE, WORKLOAD_UID, to_gpu, to_node
from dashboards.model import Board, Chart, Column, Panel, Section, Step, Unit
from dashboards.panels import ANY_BAD, chart, figure, table
from dashboards.promql import Scope, fleet_scope, rate
from dashboards.sections import faults
from dashboards.sections.holders import gpus, of_gpus, of_nics
from dashboards.settings import Settings

_NOBODY = "No pod of this workload holds a GPU; workloads are known from kube-state-metrics."
_NO_NIC = "No NIC is known to be near this workload's GPUs."
_POD = f"{NAMESPACE}, pod"


def dashboard(settings: Settings) -> Board:
    """Describe the dashboard of a workload."""
    scope = fleet_scope(settings)
    return Board(
        uid=WORKLOAD_UID,
        title="railwatch / Workload",
        description="From pod to GPU to NIC to cache: where a workload runs, whether its ranks "
        "keep pace, and what holds them up.",
        variables=(
            variables.cluster(settings),
            variables.namespace(scope),
            variables.workload(scope),
        ),
        sections=(
            Section(title="Now", panels=_now(scope)),
            Section(title="Pods and GPUs", panels=_gpus(scope)),
            Section(title="NICs near its GPUs", panels=_nics(scope)),
            Section(title="Caches on its nodes", panels=_caches(scope)),
        ),
        annotations=(faults.fleet_annotation(scope),),
        range="now-3h",
    )


def _now(scope: Scope) -> tuple[Panel, ...]:
    held = gpus(scope)
    used = of_gpus(scope, scope.select(GPU_UTILIZATION))
    clock = scope.select(CLOCK_RATIO)
    firing = f"count by {scope.labels('alertname')} ({scope.select('ALERTS', faults.FIRING)})"
    return (
        figure("GPUs", "GPUs that its pods hold.", f"count({held})", none="none"),
        figure(
            "Nodes",
            "Nodes that its pods with GPUs run on.",
            f"count(count by {scope.labels()} ({held}))",
            none="none",
        ),
        figure(
            "Mean utilisation",
            "Mean over its GPUs of the share of time in which a kernel ran.",
            f"avg({used})",
            unit=Unit.RATIO,
            none="none",
            trend=True,
        ),
        figure(
            "Idle GPUs",
            "GPUs that it holds and that are at most 5 % utilised.",
            f"count({used} <= 0.05) or 0 * count({used})",
            none="none",
            steps=(Step(value=1, color="orange"),),
        ),
        figure(
            "Slowest rank's clock",
            "The lowest clock of its busy GPUs by the median of their peers. All wait for that "
            "one.",
            f"min({of_gpus(scope, clock)})",
            unit=Unit.RATIO,
            none="too few to compare",
        ),
        figure(
            "Alerts on its nodes",
            "Alerts that fire for the nodes it runs on.",
            f"count({firing} and on {scope.labels()} {held}) or 0 * count({held})",
            none="none",
            steps=ANY_BAD,
        ),
    )


def _gpus(scope: Scope) -> tuple[Panel, ...]:
    def each(series: str) -> str:
        return f"max by {scope.labels(GPU, NAMESPACE, 'pod')} ({of_gpus(scope, series)})"

    sm = scope.select(GPU_CLOCK, 'domain="sm"')
    return (
        table(
            "Ranks",
            "Each GPU that the workload holds, with the pod that holds it. A clock or power that "
            "falls out of line with the others' names the straggler.",
            (
                Column(field=NAMESPACE, title="Namespace"),
                Column(field="pod", title="Pod"),
                Column(field=NODE, title="Node", link=to_node()),
                Column(field=GPU, title="GPU", link=to_gpu()),
                Column(field="Value #A", title="Utilisation", unit=Unit.RATIO),
                Column(field="Value #B", title="Memory", unit=Unit.BYTES),
                Column(field="Value #C", title="SM clock", unit=Unit.HERTZ),
                Column(field="Value #D", title="Power", unit=Unit.WATTS),
                Column(field="Value #E", title="Temperature", unit=Unit.CELSIUS),
            ),
            (
                each(scope.select(GPU_UTILIZATION)),
                each(scope.select(GPU_MEMORY_USED)),
                each(sm),
                each(scope.select(GPU_POWER)),
                each(scope.select(GPU_TEMPERATURE)),
            ),
            none=_NOBODY,
            height=10,
        ),
        chart(
            "Utilisation by pod",
            GPU_UTILIZATION.help,
            {"{{pod}}": f"avg by ({_POD}) ({of_gpus(scope, scope.select(GPU_UTILIZATION))})"},
            unit=Unit.RATIO,
            none=_NOBODY,
            view=Chart(maximum=1),
        ),
        chart(
            "Tensor cores busy by pod",
            GPU_TENSOR_ACTIVE.help,
            {"{{pod}}": f"avg by ({_POD}) ({of_gpus(scope, scope.select(GPU_TENSOR_ACTIVE))})"},
            unit=Unit.RATIO,
            none="These GPUs do not tell (GPM, from Hopper on).",
            view=Chart(maximum=1),
        ),
        chart(
            "Memory by pod",
            "Framebuffer memory in use on the GPUs that each pod holds; dashed: what they have.",
            {
                "{{pod}}": f"sum by ({_POD}) ({of_gpus(scope, scope.select(GPU_MEMORY_USED))})",
                "capacity": f"max(sum by ({_POD}) "
                f"({of_gpus(scope, scope.select(GPU_MEMORY_CAPACITY))}))",
            },
            unit=Unit.BYTES,
            none=_NOBODY,
            view=Chart(dashed=("capacity",)),
        ),
        table(
            "Alerts on its nodes",
            "Every alert that fires for a node that the workload runs on.",
            (
                Column(field=NODE, title="Node", link=to_node()),
                Column(field="alertname", title="Alert"),
                faults.SEVERITY_COLUMN,
                Column(field=GPU, title="GPU", link=to_gpu()),
                Column(field=DEVICE, title="RDMA device"),
            ),
            (_alerts(scope),),
            none="No alert fires for its nodes.",
            width=12,
        ),
    )


def _alerts(scope: Scope) -> str:
    labels = scope.labels("alertname", SEVERITY, GPU, DEVICE)
    firing = scope.select("ALERTS", faults.FIRING, f'{NODE}!=""')
    return f"count by {labels} ({firing}) and on {scope.labels()} {gpus(scope)}"


def _nics(scope: Scope) -> tuple[Panel, ...]:
    def each(series: str) -> str:
        return f"max by {scope.labels(DEVICE, NAMESPACE, 'pod')} ({of_nics(scope, series)})"

    return (
        chart(
            "Received by pod",
            f"{RDMA_PORT_RECEIVE.help} Over the NICs near the GPUs that each pod has for itself.",
            {"{{pod}}": _by_pod(scope, RDMA_PORT_RECEIVE.name)},
            unit=Unit.BYTES_PER_SECOND,
            none=_NO_NIC,
        ),
        chart(
            "Sent by pod",
            f"{RDMA_PORT_TRANSMIT.help} Over the NICs near the GPUs that each pod has for itself.",
            {"{{pod}}": _by_pod(scope, RDMA_PORT_TRANSMIT.name)},
            unit=Unit.BYTES_PER_SECOND,
            none=_NO_NIC,
        ),
        table(
            "NICs",
            "RDMA devices near its GPUs: the state of the port (4: active), what they receive, and "
            "how often congestion slowed them down, a second.",
            (
                Column(field="pod", title="Pod"),
                Column(field=NODE, title="Node", link=to_node()),
                Column(field=DEVICE, title="RDMA device"),
                Column(field="Value #A", title="State"),
                Column(field="Value #B", title="Received", unit=Unit.BYTES_PER_SECOND),
                Column(field="Value #C", title="Slowed down"),
            ),
            (
                each(scope.select(RDMA_PORT_STATE)),
                each(rate(scope.select(RDMA_PORT_RECEIVE))),
                each(rate(scope.select(BY_FILE["rp_cnp_handled"]))),
            ),
            none=_NO_NIC,
            width=16,
        ),
        chart(
            "Queue pairs by pod",
            RDMA_POD_QUEUE_PAIRS.help,
            {
                "{{pod}}": f"sum by ({_POD}) ({scope.select(RDMA_POD_QUEUE_PAIRS, _CHOSEN)} "
                f"and on ({scope.cluster}, {_POD}) {gpus(scope)})"
            },
            none="The kernel tells no queue pairs by process, or none is open.",
            width=8,
        ),
    )


_CHOSEN = variables.chosen(NAMESPACE)


def _by_pod(scope: Scope, name: str) -> str:
    return f"sum by ({_POD}) ({of_nics(scope, rate(scope.select(name)))})"


def _caches(scope: Scope) -> tuple[Panel, ...]:
    held = f"{gpus(scope)}"

    def here(metric: Foreign) -> str:
        found = rate(scope.select(metric))
        return f"sum by (vol_name) ({found} and on {scope.labels()} {held})"

    hits, misses = here(neighbours.JUICEFS_HITS), here(neighbours.JUICEFS_MISSES)
    return (
        chart(
            "JuiceFS cache hits",
            "Share of the blocks read from the local cache, by volume, over the clients on the "
            "nodes that the workload runs on.",
            {"{{vol_name}}": f"{hits} / ({hits} + {misses} > 0)"},
            unit=Unit.RATIO,
            none="No JuiceFS client on these nodes is scraped, or none reads.",
            view=Chart(maximum=1),
        ),
        chart(
            "JuiceFS read from the local cache",
            neighbours.JUICEFS_HIT_BYTES.help,
            {"{{vol_name}}": here(neighbours.JUICEFS_HIT_BYTES)},
            unit=Unit.BYTES_PER_SECOND,
            none="No JuiceFS client on these nodes is scraped, or none reads.",
        ),
    )
