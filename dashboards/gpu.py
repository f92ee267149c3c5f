"""One node's GPUs in depth: why one is slow, what wears out, who uses it."""

from catalog.gpu import GPU_ECC_ERRORS
from catalog.gpu_allocation import GPU_ALLOCATION, GPU_USER_MEMORY
from catalog.gpu_board import GPU_MEMORY_TEMPERATURE, GPU_TEMPERATURE_MARGIN
from catalog.gpu_clocks import GPU_CLOCK, GPU_CLOCK_MAX, GPU_CLOCKS_LIMITED
from catalog.gpu_gpm import GPU_DRAM_ACTIVE, GPU_SM_ACTIVE, GPU_SM_OCCUPANCY, GPU_TENSOR_ACTIVE
from catalog.gpu_nvlink import NVLINK_ERRORS, NVLINK_LINKS, NVLINK_RECEIVED, NVLINK_TRANSMITTED
from catalog.gpu_pcie import (
    GPU_PCIE_GENERATION,
    GPU_PCIE_GENERATION_MAX,
    GPU_PCIE_LANES,
    GPU_PCIE_LANES_MAX,
    GPU_PCIE_REPLAYS,
)
from catalog.gpu_repair import (
    GPU_RECOVERY_ACTION,
    GPU_REMAPPED_ROWS,
    GPU_REMAPPED_ROWS_FAILED,
    GPU_REMAPPED_ROWS_PENDING,
)
from catalog.gpu_state import GPU_CYCLE_DURATION, GPU_DEADLINE
from catalog.labels import GPU, UUID
from catalog.metrics import Metric
from dashboards import variables
from dashboards.links import GPU_UID, NAMESPACE, to_namespace
from dashboards.model import Board, Chart, Column, Panel, Section, Unit
from dashboards.panels import chart, table, unit_of
from dashboards.promql import Scope, fleet_scope, increase, node_scope, rate
from dashboards.sections import faults, gpu
from dashboards.settings import Settings

_CHOSEN = variables.chosen(GPU)
_NAME = "GPU {{gpu}}"
_NO_GPU = "The exporter reports no GPU for this choice."
_NOT_TOLD = "These GPUs do not tell this."


def dashboard(settings: Settings) -> Board:
    """Describe the dashboard of GPUs."""
    scope = node_scope(settings)
    return Board(
        uid=GPU_UID,
        title="railwatch / GPU",
        description="One node's GPUs in depth: who uses them, what holds them back, what wears "
        "out.",
        variables=(
            variables.cluster(settings),
            variables.node(fleet_scope(settings)),
            variables.gpu(scope),
        ),
        sections=(
            Section(title="Who and whether", panels=(gpu.states(scope), _holders(scope))),
            Section(title="Work", panels=_work(scope)),
            Section(title="What holds it back", panels=_limits(scope)),
            Section(title="Links", panels=_links(scope)),
            Section(title="Wear", panels=_wear(scope)),
        ),
        annotations=(faults.annotation(scope),),
        range="now-3h",
    )


def _plain(
    scope: Scope, metric: Metric, title: str, *, legend: str = _NAME, maximum: float | None = None
) -> Panel:
    return chart(
        title,
        metric.help,
        {legend: scope.select(metric, _CHOSEN)},
        unit=unit_of(metric),
        none=_NOT_TOLD,
        view=Chart(maximum=maximum),
        width=8,
    )


def _holders(scope: Scope) -> Panel:
    return table(
        "Who holds it",
        "Containers that hold each device, as the kubelet tells: 1 where one has it alone, else "
        "its part. Memory is what its processes use.",
        (
            Column(field=GPU, title="GPU"),
            Column(field="mig", title="MIG device"),
            Column(field=NAMESPACE, title="Namespace", link=to_namespace()),
            Column(field="pod", title="Pod"),
            Column(field="container", title="Container"),
            Column(field="Value #A", title="Part"),
            Column(field="Value #B", title="Memory", unit=Unit.BYTES),
        ),
        (
            f"sum by {_HOLDER} ({scope.select(GPU_ALLOCATION, _CHOSEN)})",
            f"sum by {_HOLDER} ({scope.select(GPU_USER_MEMORY, _CHOSEN, _BY_POD)})",
        ),
        none="No container holds a GPU of this node, or the kubelet is not asked.",
        width=12,
        height=8,
    )


_HOLDER = f"({GPU}, mig, {NAMESPACE}, pod, container)"
_BY_POD = 'user="pod"'


def _work(scope: Scope) -> tuple[Panel, ...]:
    return (
        _plain(scope, GPU_SM_ACTIVE, "Multiprocessors busy", legend=_MIG, maximum=1),
        _plain(scope, GPU_TENSOR_ACTIVE, "Tensor cores busy", legend=_MIG, maximum=1),
        _plain(scope, GPU_DRAM_ACTIVE, "Memory bandwidth used", legend=_MIG, maximum=1),
        _plain(scope, GPU_SM_OCCUPANCY, "Occupancy", legend=_MIG, maximum=1),
        chart(
            "NVLink traffic",
            "Sent and received over all NVLinks of each GPU.",
            {
                "GPU {{gpu}} sent": rate(scope.select(NVLINK_TRANSMITTED, _CHOSEN)),
                "GPU {{gpu}} received": rate(scope.select(NVLINK_RECEIVED, _CHOSEN)),
            },
            unit=Unit.BYTES_PER_SECOND,
            none="These GPUs have no NVLink, or do not count its traffic.",
            width=16,
        ),
    )


_MIG = "GPU {{gpu}} {{mig}}"


def _limits(scope: Scope) -> tuple[Panel, ...]:
    sm = f'{_CHOSEN},domain="sm"'
    limited = scope.select(GPU_CLOCKS_LIMITED, _CHOSEN, 'reason!="gpu_idle"')
    return (
        chart(
            "SM clock",
            f"{GPU_CLOCK.help} Dashed: the lowest maximum among the GPUs chosen.",
            {
                _NAME: scope.select(GPU_CLOCK, sm),
                "maximum": f"min({scope.select(GPU_CLOCK_MAX, sm)})",
            },
            unit=Unit.HERTZ,
            none=_NOT_TOLD,
            view=Chart(dashed=("maximum",)),
            width=8,
        ),
        chart(
            "Reasons that hold clocks down",
            f"{GPU_CLOCKS_LIMITED.help} Being idle is left out.",
            {"GPU {{gpu}}: {{reason}}": f"{limited} == 1"},
            none="Nothing holds the clocks down.",
            view=Chart(stacked=True, bars=True),
            width=8,
        ),
        _plain(scope, GPU_TEMPERATURE_MARGIN, "Margin to slowdown"),
        _plain(scope, GPU_MEMORY_TEMPERATURE, "Memory temperature"),
        chart(
            "Time to answer",
            f"{GPU_CYCLE_DURATION.help} Dashed: when a GPU is taken for hung.",
            {
                _NAME: scope.select(GPU_CYCLE_DURATION, _CHOSEN),
                "deadline": f"max({scope.select(GPU_DEADLINE, _CYCLE)})",
            },
            unit=Unit.SECONDS,
            none=_NO_GPU,
            view=Chart(dashed=("deadline",)),
            width=16,
        ),
    )


_CYCLE = 'calls="cycle"'


def _links(scope: Scope) -> tuple[Panel, ...]:
    by = scope.labels(GPU, UUID)
    now, best = (
        f"{scope.select(generation, _CHOSEN)} * on {by} {scope.select(lanes, _CHOSEN)}"
        for generation, lanes in (
            (GPU_PCIE_GENERATION, GPU_PCIE_LANES),
            (GPU_PCIE_GENERATION_MAX, GPU_PCIE_LANES_MAX),
        )
    )
    return (
        chart(
            "NVLinks by state",
            NVLINK_LINKS.help,
            {"{{state}}": f"sum by (state) ({scope.select(NVLINK_LINKS, _CHOSEN)}) > 0"},
            none="These GPUs have no NVLink.",
            view=Chart(stacked=True),
            width=8,
        ),
        chart(
            "NVLink errors",
            f"{NVLINK_ERRORS.help} Shown: the increase in each window.",
            {"GPU {{gpu}}: {{kind}}": increase(scope.select(NVLINK_ERRORS, _CHOSEN))},
            none="These GPUs count no NVLink errors.",
            view=Chart(bars=True),
            width=8,
        ),
        chart(
            "PCIe packets sent again",
            f"{GPU_PCIE_REPLAYS.help} Shown: the increase in each window.",
            {_NAME: increase(scope.select(GPU_PCIE_REPLAYS, _CHOSEN))},
            none=_NOT_TOLD,
            view=Chart(bars=True),
            width=8,
        ),
        chart(
            "PCIe width in use",
            "Lanes and generation of the link, each by the most that GPU and slot have in common. "
            "Idle GPUs lower the generation; lanes should all be there.",
            {_NAME: f"({now}) / on {by} ({best})"},
            unit=Unit.RATIO,
            none=_NOT_TOLD,
            view=Chart(maximum=1),
            width=24,
            height=6,
        ),
    )


def _wear(scope: Scope) -> tuple[Panel, ...]:
    def worst(metric: Metric, *more: str) -> str:
        return f"max by {scope.labels(GPU, UUID)} ({scope.select(metric, _CHOSEN, *more)})"

    action = f"max by {scope.labels(GPU, UUID, 'state')} ({_asked(scope)} == 1)"
    return (
        gpu.errors(scope).panels[0],
        chart(
            "Memory errors (ECC)",
            f"{GPU_ECC_ERRORS.help} Shown: the increase in each window.",
            {"GPU {{gpu}}: {{kind}}": increase(scope.select(GPU_ECC_ERRORS, _CHOSEN))},
            none="No ECC counter is reported: the GPU has none, or ECC is switched off.",
            view=Chart(bars=True),
        ),
        table(
            "Repairs",
            "Memory rows replaced by spare ones. One that is pending needs a reset; once a row "
            "could not be replaced, the card needs replacing.",
            (
                Column(field=GPU, title="GPU"),
                Column(field=UUID, title="UUID"),
                Column(field="Value #A", title="After corrected errors"),
                Column(field="Value #B", title="After uncorrected errors"),
                Column(field="Value #C", title="Pending"),
                Column(field="Value #D", title="Failed"),
            ),
            (
                worst(GPU_REMAPPED_ROWS, 'kind="correctable"'),
                worst(GPU_REMAPPED_ROWS, 'kind="uncorrectable"'),
                worst(GPU_REMAPPED_ROWS_PENDING),
                worst(GPU_REMAPPED_ROWS_FAILED),
            ),
            none="These GPUs cannot replace rows, or do not tell.",
            width=16,
        ),
        table(
            "What the driver asks for",
            GPU_RECOVERY_ACTION.help,
            (
                Column(field=GPU, title="GPU"),
                Column(field="state", title="Action"),
            ),
            (action,),
            none="These GPUs do not tell.",
            width=8,
        ),
    )


def _asked(scope: Scope) -> str:
    return scope.select(GPU_RECOVERY_ACTION, _CHOSEN)
