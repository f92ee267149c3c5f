"""Storage and caches: whether volumes mount, whether caches hit, whether data is preloaded."""

from catalog import neighbours
from catalog.foreign import Foreign
from catalog.labels import NODE
from catalog.neighbours_jobs import JUICEFS_REQUESTS
from catalog.uplink import DISK_ANSWERING, DISK_AVAILABLE, DISK_SIZE
from dashboards import variables
from dashboards.links import STORAGE_UID, to_node
from dashboards.model import Board, Chart, Column, Panel, Section, Step, Unit
from dashboards.panels import chart, table
from dashboards.promql import Scope, fleet_scope, increase, quantile, rate
from dashboards.sections import caches, faults
from dashboards.settings import Settings

_NO_KUBELET = "No kubelet is scraped, or it has called no CSI driver."
_NO_SIDECAR = "No CSI sidecar is scraped."
_NO_JUICEFS = "No JuiceFS client is scraped."
_NO_FLUID = "No Fluid controller is scraped."


def dashboard(settings: Settings) -> Board:
    """Describe the dashboard of storage."""
    scope = fleet_scope(settings)
    return Board(
        uid=STORAGE_UID,
        title="railwatch / Storage and cache",
        description="Whether volumes mount and how long it takes, how often caches hit, and how "
        "full preload disks are. Each part is silent where its program does not run.",
        variables=(variables.cluster(settings),),
        sections=(
            Section(title="CSI", panels=_csi(scope)),
            Section(title="JuiceFS", panels=_juicefs(scope)),
            caches.alluxio(scope),
            Section(title="Fluid and preloaded data", panels=_preload(scope)),
        ),
        annotations=(faults.fleet_annotation(scope),),
    )


def _failing(scope: Scope, metric: Foreign) -> str:
    by = "driver_name, grpc_status_code"
    failed = scope.select(f"{metric.name}_count", 'grpc_status_code!="OK"')
    return f"sum by ({by}) ({increase(failed)})"


def _csi(scope: Scope) -> tuple[Panel, ...]:
    node, controller = neighbours.CSI_OPERATIONS, neighbours.CSI_SIDECAR
    return (
        chart(
            "Node operations, 95th percentile",
            f"{node.help} Publishing is what a pod's start waits for.",
            {
                "{{driver_name}} {{method_name}}": quantile(
                    scope, node, 0.95, "driver_name", "method_name"
                )
            },
            unit=Unit.SECONDS,
            none=_NO_KUBELET,
        ),
        chart(
            "Node operations that failed",
            "By driver and gRPC status. Shown: the increase in each window.",
            {"{{driver_name}}: {{grpc_status_code}}": _failing(scope, node)},
            none="No operation failed, or no kubelet is scraped.",
            view=Chart(bars=True, stacked=True),
        ),
        chart(
            "Controller operations, 95th percentile",
            f"{controller.help} Creating, attaching, resizing.",
            {
                "{{driver_name}} {{method_name}}": quantile(
                    scope, controller, 0.95, "driver_name", "method_name"
                )
            },
            unit=Unit.SECONDS,
            none=_NO_SIDECAR,
        ),
        chart(
            "Controller operations that failed",
            "By driver and gRPC status. Shown: the increase in each window.",
            {"{{driver_name}}: {{grpc_status_code}}": _failing(scope, controller)},
            none="No operation failed, or no sidecar is scraped.",
            view=Chart(bars=True, stacked=True),
        ),
    )


def _juicefs(scope: Scope) -> tuple[Panel, ...]:
    def by_volume(metric: Foreign) -> str:
        return f"sum by (vol_name) ({rate(scope.select(metric))})"

    hits, misses = by_volume(neighbours.JUICEFS_HITS), by_volume(neighbours.JUICEFS_MISSES)
    return (
        chart(
            "Cache hits",
            "Share of the blocks that were found in the local cache.",
            {"{{vol_name}}": f"{hits} / ({hits} + {misses} > 0)"},
            unit=Unit.RATIO,
            none=_NO_JUICEFS,
            view=Chart(maximum=1),
            steps=(Step(value=0.5, color="orange"),),
            width=8,
        ),
        chart(
            "Read from the cache and past it",
            f"{neighbours.JUICEFS_HIT_BYTES.help} {neighbours.JUICEFS_MISS_BYTES.help}",
            {
                "{{vol_name}} cache": by_volume(neighbours.JUICEFS_HIT_BYTES),
                "{{vol_name}} store": by_volume(neighbours.JUICEFS_MISS_BYTES),
            },
            unit=Unit.BYTES_PER_SECOND,
            none=_NO_JUICEFS,
            width=8,
        ),
        chart(
            "Metadata, 99th percentile",
            neighbours.JUICEFS_TRANSACTIONS.help,
            {"{{vol_name}}": quantile(scope, neighbours.JUICEFS_TRANSACTIONS, 0.99, "vol_name")},
            unit=Unit.SECONDS,
            none=_NO_JUICEFS,
            width=8,
        ),
        chart(
            "Requests to the store that failed",
            f"{neighbours.JUICEFS_OBJECT_ERRORS.help} A second.",
            {"{{vol_name}}": by_volume(neighbours.JUICEFS_OBJECT_ERRORS)},
            unit=Unit.PER_SECOND,
            none=_NO_JUICEFS,
            width=6,
        ),
        chart(
            "Requests to the store, 99th percentile",
            JUICEFS_REQUESTS.help,
            {"{{vol_name}} {{method}}": quantile(scope, JUICEFS_REQUESTS, 0.99, *_REQUEST)},
            unit=Unit.SECONDS,
            none=_NO_JUICEFS,
            width=6,
        ),
        chart(
            "Blocks not yet in the store",
            neighbours.JUICEFS_STAGING.help,
            {"{{vol_name}}": f"sum by (vol_name) ({scope.select(neighbours.JUICEFS_STAGING)})"},
            none=_NO_JUICEFS,
            width=6,
        ),
        chart(
            "Blocks put out",
            f"{neighbours.JUICEFS_EVICTS.help} Many a second: the cache is too small.",
            {"{{vol_name}}": by_volume(neighbours.JUICEFS_EVICTS)},
            unit=Unit.PER_SECOND,
            none=_NO_JUICEFS,
            width=6,
        ),
    )


_REQUEST = ("vol_name", "method")


def _preload(scope: Scope) -> tuple[Panel, ...]:
    where = f"({NODE}, path)"
    errors = " + ".join(
        f"sum by (runtime_type, runtime) ({increase(scope.select(metric))})"
        for metric in (neighbours.FLUID_SETUP_ERRORS, neighbours.FLUID_HEALTH_ERRORS)
    )
    return (
        table(
            "Datasets",
            neighbours.FLUID_SIZE.help,
            (
                Column(field="dataset", title="Dataset"),
                Column(field="Value", title="Size", unit=Unit.BYTES),
            ),
            (f"sum by (dataset) ({scope.select(neighbours.FLUID_SIZE)})",),
            none=_NO_FLUID,
            width=12,
        ),
        caches.data_loads(scope),
        chart(
            "Errors of runtimes",
            "Errors in setting up a dataset's runtime, and health checks that failed. Shown: the "
            "increase in each window.",
            {"{{runtime_type}} {{runtime}}": errors},
            none=_NO_FLUID,
            view=Chart(bars=True, stacked=True),
            width=12,
        ),
        table(
            "Preload disks",
            f"{DISK_AVAILABLE.help} Answering: {DISK_ANSWERING.help}",
            (
                Column(field=NODE, title="Node", link=to_node()),
                Column(field="path", title="Path"),
                Column(field="Value #A", title="Size", unit=Unit.BYTES),
                Column(field="Value #B", title="Available", unit=Unit.BYTES),
                Column(field="Value #C", title="Answering"),
            ),
            tuple(
                f"max by {where} ({scope.select(metric)})"
                for metric in (DISK_SIZE, DISK_AVAILABLE, DISK_ANSWERING)
            ),
            none="No preload disk is configured (--collector.uplink).",
            width=12,
        ),
    )
