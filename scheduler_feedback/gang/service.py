"""The gang controller with all it stands on: two watches, and a thread that plans."""

import threading
from collections.abc import Callable

from program.announce import Announcer
from scheduler_feedback.collection import living_pods, nodes
from scheduler_feedback.elsewhere import Snapshot
from scheduler_feedback.gang.controller import Controller, Policy
from scheduler_feedback.gang.quotas import Quotas
from scheduler_feedback.gang.stores import Hosts, Pods
from scheduler_feedback.kube import Kube
from scheduler_feedback.metrics import Metrics
from scheduler_feedback.settings import Settings
from scheduler_feedback.watch import Watcher

Work = Callable[[str, Callable[[], None]], None]
"""Runs something in a thread of a name."""


class FleetWatch:
    """All nodes and pods, followed by two watches; gang controller and drainer read them."""

    def __init__(self, kube: Kube, settings: Settings, metrics: Metrics) -> None:
        """Prepare; nothing is asked of the kube-apiserver yet."""
        self.changed = threading.Event()
        self._kube = kube
        self._metrics = metrics
        stale, prefix = settings.stale_after, settings.key_prefix
        self._seconds = stale / 2
        self.hosts = Hosts(stale, prefix=prefix, pools=settings.pools, changed=self.changed.set)
        self.pods = Pods(stale, prefix=prefix, changed=self.changed.set)

    def start(self, work: Work, stop: threading.Event) -> None:
        """Begin to follow the cluster."""
        for name, source, store in (
            ("gang-nodes", nodes(self._kube, self._seconds), self.hosts),
            ("gang-pods", living_pods(self._kube, self._seconds), self.pods),
        ):
            watcher = Watcher(source, store, stop=stop, failed=self._metrics.watch_failed)
            work(name, watcher.run)

    def snapshot(self) -> Snapshot | None:
        """Return nodes and pods of one moment; None while they are not known, or not any more."""
        if not (self.hosts.fresh and self.pods.fresh):
            return None
        claims, members = self.pods.all()
        return Snapshot(hosts=self.hosts.all(), claims=claims, members=members)


class Gangs:
    """Places gangs for as long as this replica leads."""

    def __init__(  # noqa: PLR0913 - what it needs, most by keyword
        self,
        kube: Kube,
        fleet: FleetWatch,
        settings: Settings,
        *,
        leading: Callable[[], bool],
        announcer: Announcer,
        metrics: Metrics,
        quotas: Quotas | None = None,
    ) -> None:
        """Put the parts together."""
        self.wake = fleet.changed
        self._settings = settings
        prefix = settings.key_prefix
        site = settings.gang_site_tier
        self._controller = Controller(
            kube,
            fleet.hosts,
            fleet.pods,
            owners=kube,
            announcer=announcer,
            leading=leading,
            policy=Policy(
                patience=settings.gang_patience,
                bind_within=settings.gang_bind_within,
                site_tier=site if site >= 0 else None,
            ),
            quotas=quotas,
            counted=metrics.gang_pod,
            prefix=prefix,
        )
        metrics.gang_round = lambda: self._controller.round

    def start(self, work: Work, stop: threading.Event) -> None:
        """Begin to plan."""
        work("gangs", lambda: self._controller.run(stop, self.wake, self._settings.gang_interval))
