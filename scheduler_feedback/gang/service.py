"""The gang controller with all it stands on: two watches, and a thread that plans."""

import threading
from collections.abc import Callable

from scheduler_feedback.announce import Announcer
from scheduler_feedback.collection import living_pods, nodes
from scheduler_feedback.gang.controller import Controller, Policy
from scheduler_feedback.gang.stores import Hosts, Pods
from scheduler_feedback.kube import Kube
from scheduler_feedback.metrics import Metrics
from scheduler_feedback.settings import Settings
from scheduler_feedback.watch import Watcher


class Gangs:
    """Places gangs for as long as this replica leads."""

    def __init__(
        self, kube: Kube, settings: Settings, *, leading: Callable[[], bool], metrics: Metrics
    ) -> None:
        """Put the parts together; nothing is asked of the kube-apiserver yet."""
        self.wake = threading.Event()
        self._kube = kube
        self._settings = settings
        self._metrics = metrics
        changed = self.wake.set
        stale, prefix = settings.stale_after, settings.key_prefix
        self._hosts = Hosts(stale, prefix=prefix, changed=changed)
        self._pods = Pods(stale, prefix=prefix, changed=changed)
        site = settings.gang_site_tier
        self._controller = Controller(
            kube,
            self._hosts,
            self._pods,
            owners=kube,
            announcer=Announcer(kube),
            leading=leading,
            policy=Policy(
                patience=settings.gang_patience,
                bind_within=settings.gang_bind_within,
                site_tier=site if site >= 0 else None,
            ),
            counted=metrics.gang_pod,
            prefix=prefix,
        )
        metrics.gang_round = lambda: self._controller.round

    def start(self, work: Callable[[str, Callable[[], None]], None], stop: threading.Event) -> None:
        """Begin to follow the cluster and to plan; `work` runs something in a thread of a name."""
        seconds = self._settings.stale_after / 2
        for name, source, store in (
            ("gang-nodes", nodes(self._kube, seconds), self._hosts),
            ("gang-pods", living_pods(self._kube, seconds), self._pods),
        ):
            watcher = Watcher(source, store, stop=stop, failed=self._metrics.watch_failed)
            work(name, watcher.run)
        work("gangs", lambda: self._controller.run(stop, self.wake, self._settings.gang_interval))
