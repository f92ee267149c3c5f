"""Getting images to nodes: how long pods wait, what peers bring, what is read lazily."""

from catalog import neighbours
from catalog.foreign import Foreign
from catalog.labels import NODE
from catalog.neighbours_jobs import DRAGONFLY_SOURCE_REQUESTS
from catalog.neighbours_nodes import INIT_WAITING, POD_START_SEEN
from dashboards import variables
from dashboards.links import IMAGES_UID
from dashboards.model import Board, Chart, Panel, Section, Step, Unit
from dashboards.panels import bars, chart
from dashboards.promql import Scope, fleet_scope, increase, quantile, rate, share_of
from dashboards.sections import faults
from dashboards.settings import Settings

_NO_KUBELET = "No kubelet is scraped, or it has pulled nothing."
_NO_DRAGONFLY = "No Dragonfly client is scraped."
_NO_NYDUS = "No nydus snapshotter is scraped."


def dashboard(settings: Settings) -> Board:
    """Describe the dashboard of image acceleration."""
    scope = fleet_scope(settings)
    return Board(
        uid=IMAGES_UID,
        title="railwatch / Image acceleration",
        description="How long pods wait for images, how much peers bring instead of the registry, "
        "and how lazily pulled images fare. Each part is silent where its program does not run.",
        variables=(variables.cluster(settings),),
        sections=(
            Section(title="Starting pods", panels=_starting(scope)),
            Section(title="Peers (Dragonfly)", panels=_peers(scope)),
            Section(title="Lazy pulling (nydus)", panels=_lazy(scope)),
        ),
        annotations=(faults.fleet_annotation(scope),),
    )


def _starting(scope: Scope) -> tuple[Panel, ...]:
    kinds = neighbours.WAITING, INIT_WAITING
    waiting = " or ".join(scope.select(kind, _PULLING) for kind in kinds)
    return (
        chart(
            "Pulling an image, 95th percentile",
            neighbours.IMAGE_PULL.help,
            {
                "{{image_size_in_bytes}}": quantile(
                    scope, neighbours.IMAGE_PULL, 0.95, "image_size_in_bytes"
                )
            },
            unit=Unit.SECONDS,
            none=_NO_KUBELET,
            width=8,
        ),
        chart(
            "Starting a pod",
            f"{neighbours.POD_START.help} Median and 95th percentile. Seen: from when the kubelet "
            "first sees the pod.",
            {
                "median": quantile(scope, neighbours.POD_START, 0.5),
                "95th percentile": quantile(scope, neighbours.POD_START, 0.95),
                "95th percentile, seen": quantile(scope, POD_START_SEEN, 0.95),
            },
            unit=Unit.SECONDS,
            none=_NO_KUBELET,
            width=8,
        ),
        chart(
            "Containers without their image",
            neighbours.WAITING.help,
            {"{{reason}}": f"sum by (reason) ({waiting}) > 0"},
            none="Every container has its image, or kube-state-metrics is not scraped.",
            view=Chart(stacked=True),
            width=8,
        ),
    )


_PULLING = 'reason=~"ErrImagePull|ImagePullBackOff|InvalidImageName"'


def _peers(scope: Scope) -> tuple[Panel, ...]:
    def total(metric: Foreign) -> str:
        return f"sum({rate(scope.select(metric))})"

    refused, asked = (
        f"sum by (scheme, method) ({rate(scope.select(metric))})"
        for metric in (neighbours.DRAGONFLY_SOURCE_FAILURES, DRAGONFLY_SOURCE_REQUESTS)
    )
    tasks = total(neighbours.DRAGONFLY_TASKS)
    return (
        chart(
            "Downloaded by source",
            neighbours.DRAGONFLY_TRAFFIC.help,
            {"{{type}}": f"sum by (type) ({rate(scope.select(neighbours.DRAGONFLY_TRAFFIC))})"},
            unit=Unit.BYTES_PER_SECOND,
            none=_NO_DRAGONFLY,
            view=Chart(stacked=True),
            width=8,
        ),
        chart(
            "Failures",
            "Share of the files asked for that could not be had.",
            {"failed": f"{total(neighbours.DRAGONFLY_FAILURES)} / ({tasks} > 0)"},
            unit=Unit.RATIO,
            none="No Dragonfly client is scraped, or none was asked for anything.",
            steps=(Step(value=0.05, color="red"),),
            width=8,
        ),
        chart(
            "Requests to the registry that failed",
            "Share of the requests that clients had to make of the registry itself.",
            {"{{scheme}} {{method}}": share_of(refused, asked)},
            unit=Unit.RATIO,
            none="No Dragonfly client is scraped, or none asked the registry.",
            steps=(Step(value=0.05, color="red"),),
            width=8,
        ),
        bars(
            "Fullest disks of clients",
            neighbours.DRAGONFLY_DISK.help,
            f"topk(15, max by ({NODE}) ({scope.select(neighbours.DRAGONFLY_DISK)}))",
            "{{node}}",
            unit=Unit.BYTES,
            none=_NO_DRAGONFLY,
            width=24,
        ),
    )


def _lazy(scope: Scope) -> tuple[Panel, ...]:
    grown = f"deriv({scope.select(neighbours.NYDUS_READ)}[$__rate_interval])"
    return (
        chart(
            "Read from lazily pulled images",
            f"{neighbours.NYDUS_READ.help} The ten most read.",
            {"{{image_ref}}": f"topk(10, sum by (image_ref) ({grown}))"},
            unit=Unit.BYTES_PER_SECOND,
            none=_NO_NYDUS,
            width=8,
        ),
        chart(
            "Reads that failed or hang",
            f"{neighbours.NYDUS_ERRORS.help} {neighbours.NYDUS_HUNG.help}",
            {
                "failed": f"sum({scope.select(neighbours.NYDUS_ERRORS)})",
                "hang": f"sum({scope.select(neighbours.NYDUS_HUNG)})",
            },
            none=_NO_NYDUS,
            width=8,
        ),
        chart(
            "Events of the daemons",
            f"{neighbours.NYDUS_EVENTS.help} Shown: the increase in each window.",
            {
                "{{nydusd_event}}": f"sum by (nydusd_event) "
                f"({increase(scope.select(neighbours.NYDUS_EVENTS))})"
            },
            none=_NO_NYDUS,
            view=Chart(bars=True, stacked=True),
            width=8,
        ),
        chart(
            "Snapshot operations, 95th percentile",
            neighbours.NYDUS_SNAPSHOTS.help,
            {
                "{{snapshot_operation}}": f"{_SECOND} * "
                f"{quantile(scope, neighbours.NYDUS_SNAPSHOTS, 0.95, 'snapshot_operation')}"
            },
            unit=Unit.SECONDS,
            none=_NO_NYDUS,
        ),
        chart(
            "Cache on disk",
            neighbours.NYDUS_CACHE.help,
            {"all nodes": f"{_KILO} * sum({scope.select(neighbours.NYDUS_CACHE)})"},
            unit=Unit.BYTES,
            none=_NO_NYDUS,
        ),
    )


_SECOND = 0.001
"""Of a millisecond."""
_KILO = 1024
