"""One node's GPUs: state, load, heat, power, errors."""

from catalog.gpu import (
    GPU_AGE,
    GPU_DRIVER_INFO,
    GPU_ECC_ERRORS,
    GPU_INFO,
    GPU_MEMORY_CAPACITY,
    GPU_MEMORY_COPY_UTILIZATION,
    GPU_MEMORY_USED,
    GPU_POWER,
    GPU_POWER_LIMIT,
    GPU_RESET_TIMESTAMP,
    GPU_STATE,
    GPU_TEMPERATURE,
    GPU_UTILIZATION,
    GPU_XID_ERRORS,
    GPU_XID_LAST_TIMESTAMP,
)
from catalog.labels import GPU, UUID
from catalog.metrics import Metric
from dashboards.links import to_own_gpu
from dashboards.model import (
    Chart,
    Column,
    Listing,
    Panel,
    Query,
    Section,
    Step,
    Timeline,
    Unit,
)
from dashboards.promql import Scope, increase, state_number
from dashboards.states import GPU_STATES

_CHOSEN = f'{GPU}=~"${GPU}"'
_NAME = "GPU {{gpu}}"
_NO_GPU = "The exporter reports no GPU for this choice: look at its collectors below."


def state(scope: Scope) -> Section:
    """Show which GPUs there are and whether each answers."""
    return Section(title="GPUs", panels=(states(scope), _last_reset(scope), _inventory(scope)))


def load(scope: Scope) -> Section:
    """Show what the GPUs do and what it costs them."""
    return Section(
        title="GPU load",
        panels=(
            _gauge(scope, GPU_UTILIZATION, title="Utilisation", unit=Unit.RATIO, maximum=1),
            _gauge(
                scope,
                GPU_MEMORY_COPY_UTILIZATION,
                title="Memory copy utilisation",
                unit=Unit.RATIO,
                maximum=1,
            ),
            _memory(scope),
            _temperature(scope),
            _power(scope),
            _gauge(
                scope,
                GPU_AGE,
                title="Age of the readings",
                unit=Unit.SECONDS,
                more="It grows while a GPU hangs; the other GPUs' readings stay fresh.",
                thresholds=(Step(value=30, color="orange"),),
            ),
        ),
    )


def errors(scope: Scope) -> Section:
    """Show what the driver and the memory complain about."""
    return Section(title="GPU errors", panels=(_xids(scope), _last_xids(scope), _ecc(scope)))


def _gauge(  # noqa: PLR0913 - a panel's fields, all but two by keyword
    scope: Scope,
    metric: Metric,
    *,
    title: str,
    unit: Unit,
    maximum: float | None = None,
    more: str = "",
    thresholds: tuple[Step, ...] = (),
) -> Panel:
    return Panel(
        title=title,
        description=f"{metric.help} {more}".strip(),
        unit=unit,
        view=Chart(maximum=maximum),
        queries=(Query(expr=scope.select(metric, _CHOSEN), legend=_NAME),),
        no_data=_NO_GPU,
        thresholds=thresholds,
    )


def states(scope: Scope) -> Panel:
    """Show the state of each GPU over time."""
    by = scope.labels(GPU, UUID)
    return Panel(
        title="GPU state",
        description="The state each GPU is in, as its driver answers. A GPU that stops answering "
        "keeps its bar; a gap means that the exporter itself was not heard.",
        unit=Unit.NONE,
        view=Timeline(values=GPU_STATES),
        queries=(Query(expr=state_number(scope, GPU_STATE, by, _CHOSEN), legend=_NAME),),
        no_data=_NO_GPU,
    )


def _last_reset(scope: Scope) -> Panel:
    return Panel(
        title="Last reset",
        description=GPU_RESET_TIMESTAMP.help,
        unit=Unit.TIME,
        view=Listing(
            columns=(
                Column(field=GPU, title="GPU", link=to_own_gpu()),
                Column(field=UUID, title="UUID"),
                Column(field="Value", title="Reset at", unit=Unit.TIME),
            )
        ),
        queries=(Query(expr=f"{scope.select(GPU_RESET_TIMESTAMP, _CHOSEN)} * 1000"),),
        no_data=_NO_GPU,
        width=12,
        height=8,
    )


def _inventory(scope: Scope) -> Panel:
    driver = f"topk by {scope.labels()} (1, {scope.select(GPU_DRIVER_INFO)})"
    versions = "group_left (driver_version, cuda_version)"
    join = f"{scope.select(GPU_INFO, _CHOSEN)} * on {scope.labels()} {versions} {driver}"
    return Panel(
        title="Inventory",
        description="Identity of each GPU, and the driver it runs under.",
        unit=Unit.NONE,
        view=Listing(
            columns=(
                Column(field=GPU, title="GPU", link=to_own_gpu()),
                Column(field="name", title="Model"),
                Column(field=UUID, title="UUID"),
                Column(field="serial", title="Serial number"),
                Column(field="pci_bus_id", title="PCI address"),
                Column(field="vbios", title="VBIOS"),
                Column(field="driver_version", title="Driver"),
                Column(field="cuda_version", title="CUDA"),
            )
        ),
        queries=(Query(expr=join),),
        no_data=_NO_GPU,
        height=7,
    )


def _memory(scope: Scope) -> Panel:
    return Panel(
        title="Memory in use",
        description="Framebuffer memory allocated by processes; dashed: the smallest capacity "
        "among the GPUs chosen.",
        unit=Unit.BYTES,
        view=Chart(dashed=("capacity",)),
        queries=(
            Query(expr=scope.select(GPU_MEMORY_USED, _CHOSEN), legend=_NAME),
            Query(expr=f"min({scope.select(GPU_MEMORY_CAPACITY, _CHOSEN)})", legend="capacity"),
        ),
        no_data=_NO_GPU,
    )


def _temperature(scope: Scope) -> Panel:
    return Panel(
        title="Temperature",
        description="Temperature of the GPU die. The lines are for orientation: the temperature "
        "at which a GPU slows down is the board's own, for data centre boards about 85 to 95 °C.",
        unit=Unit.CELSIUS,
        view=Chart(),
        queries=(Query(expr=scope.select(GPU_TEMPERATURE, _CHOSEN), legend=_NAME),),
        no_data=_NO_GPU,
        thresholds=(Step(value=80, color="orange"), Step(value=90, color="red")),
    )


def _power(scope: Scope) -> Panel:
    return Panel(
        title="Power",
        description="Power draw of each board; dashed: the lowest power limit in force among "
        "the GPUs chosen.",
        unit=Unit.WATTS,
        view=Chart(dashed=("limit",)),
        queries=(
            Query(expr=scope.select(GPU_POWER, _CHOSEN), legend=_NAME),
            Query(expr=f"min({scope.select(GPU_POWER_LIMIT, _CHOSEN)})", legend="limit"),
        ),
        no_data=_NO_GPU,
    )


def _xids(scope: Scope) -> Panel:
    by = scope.labels(GPU, "xid", "resolution")
    grown = f"sum by {by} ({increase(scope.select(GPU_XID_ERRORS, _CHOSEN))}) > 0"
    fresh = f"count by {by} (time() - {scope.select(GPU_XID_LAST_TIMESTAMP, _CHOSEN)} < 300)"
    return Panel(
        title="Xid errors",
        description="Xid errors in each window, by code and NVIDIA's own resolution for it. Codes "
        "that did not occur are left out; one seen for the first time shows for five minutes.",
        unit=Unit.NUMBER,
        view=Chart(bars=True, stacked=True),
        queries=(
            Query(
                expr=f"{grown} or {fresh}",
                legend="GPU {{gpu}}: Xid {{xid}} ({{resolution}})",
            ),
        ),
        no_data="No Xid error was seen in this time range.",
    )


def _last_xids(scope: Scope) -> Panel:
    return Panel(
        title="Last Xid errors",
        description="When each Xid was last seen since the node's boot. NVIDIA's resolution says "
        "what to do about it.",
        unit=Unit.TIME,
        view=Listing(
            columns=(
                Column(field="Value", title="Last seen", unit=Unit.TIME),
                Column(field=GPU, title="GPU", link=to_own_gpu()),
                Column(field="xid", title="Xid"),
                Column(field="resolution", title="Resolution"),
                Column(field=UUID, title="UUID"),
            )
        ),
        queries=(Query(expr=f"({scope.select(GPU_XID_LAST_TIMESTAMP, _CHOSEN)} > 0) * 1000"),),
        no_data="No Xid error was seen since the node's boot.",
        width=12,
        height=8,
    )


def _ecc(scope: Scope) -> Panel:
    by = scope.labels(GPU, "kind")
    return Panel(
        title="Memory errors (ECC)",
        description="Memory errors in each window. Corrected ones cost nothing but tell of wear; "
        "an uncorrected one has cost a process its data.",
        unit=Unit.NUMBER,
        view=Chart(bars=True),
        queries=(
            Query(
                expr=f"sum by {by} ({increase(scope.select(GPU_ECC_ERRORS, _CHOSEN))})",
                legend="GPU {{gpu}}: {{kind}}",
            ),
        ),
        no_data="No ECC counter is reported: the GPU has none, or ECC is switched off.",
        width=24,
    )
