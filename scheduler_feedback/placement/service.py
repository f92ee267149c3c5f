"""Placement beyond health, with all it stands on: two watches, and binding to shared GPUs."""

import threading
from collections.abc import Callable

from scheduler_feedback import served
from scheduler_feedback.collection import Collection, living_pods, namespaces
from scheduler_feedback.errors import KubeError
from scheduler_feedback.kube import RESOURCE_TOPOLOGIES, Kube
from scheduler_feedback.metrics import Metrics
from scheduler_feedback.placement.alignment import Zones
from scheduler_feedback.placement.desk import Desk
from scheduler_feedback.placement.prefer import Namespaces
from scheduler_feedback.placement.roster import Roster
from scheduler_feedback.placement.stock import Stock
from scheduler_feedback.settings import Settings
from scheduler_feedback.share.binder import AGAIN, BOUND, FAILED, Binder, BindError, Target
from scheduler_feedback.share.kube import ShareKube
from scheduler_feedback.share.names import Names, names_of
from scheduler_feedback.watch import Watcher

Work = Callable[[str, Callable[[], None]], None]
"""Runs something in a thread of a name."""


def share_names(settings: Settings) -> Names:
    """Return what the cluster calls shares of GPUs."""
    preset = names_of(settings.share_preset)
    return Names(
        milli=settings.share_milli if settings.share_milli.name else preset.milli,
        memory=settings.share_memory if settings.share_memory.name else preset.memory,
        count=settings.share_count or preset.count,
        annotation=settings.share_annotation,
        preset=preset.preset,
    )


def make_roster(settings: Settings) -> Roster:
    """Return the roster of nodes that the settings ask for."""
    return Roster(
        share_names(settings),
        prefix=settings.key_prefix,
        pool_label=settings.pools.label,
        pools=settings.pools.order,
        rdma=settings.placement_rdma,
    )


class Placement:
    """Knows what pods have taken, and binds those with shared GPUs."""

    def __init__(self, kube: Kube, settings: Settings, roster: Roster, metrics: Metrics) -> None:
        """Put the parts together; nothing is asked of the kube-apiserver yet."""
        self._kube = kube
        self._roster = roster
        self._aligns = settings.placement and settings.placement_alignment > 0
        self._metrics = metrics
        self._seconds = settings.stale_after / 2
        self._names, prefix = share_names(settings), settings.key_prefix
        self._namespaces = Namespaces(prefix)
        self._stock = Stock(roster, self._names, stale_after=settings.stale_after, prefix=prefix)
        self.desk = Desk(
            self._stock,
            self._namespaces,
            self._names,
            policy=settings.placement_policy,
            prefers=settings.placement,
            alignment=settings.placement_alignment,
            prefix=prefix,
        )
        self._cluster = ShareKube(kube, settings.lease_namespace, prefix)
        self._binder = Binder(
            self._cluster,
            self._names,
            prefix=prefix,
            pools=settings.pools,
            likely=lambda: self._stock.likely,
        )

    def start(self, work: Work, stop: threading.Event) -> None:
        """Begin to follow the cluster."""
        pods, spaces = living_pods(self._kube, self._seconds), namespaces(self._kube, self._seconds)
        failed = self._metrics.watch_failed
        work("placement-pods", Watcher(pods, self._stock, stop=stop, failed=failed).run)
        work("namespaces", Watcher(spaces, self._namespaces, stop=stop, failed=failed).run)
        if self._aligns:
            work("alignment", lambda: self._follow_zones(stop))

    def _follow_zones(self, stop: threading.Event) -> None:
        """Follow the NodeResourceTopologies, from when they are served."""
        zones = Zones(self._roster.alignment, self._roster.lock)
        source = Collection(self._kube, RESOURCE_TOPOLOGIES, self._seconds)
        served.follow(self._kube, source, zones, stop=stop, failed=self._metrics.watch_failed)

    def bind(self, target: Target) -> str:
        """Bind a pod; return what went wrong, empty where nothing did."""
        try:
            bound = self._binder.bind(target)
        except BindError as error:
            self._metrics.share_bound(error.result)
            return "" if error.result == AGAIN else str(error)
        except KubeError as error:
            self._metrics.share_bound(FAILED)
            return f"{error.reason}: {error}"
        self._metrics.share_bound(BOUND)
        self._stock.assume(bound.pod, target.node, bound.parts)
        return ""
