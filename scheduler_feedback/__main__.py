"""railwatch-scheduler: the extender of a stock kube-scheduler, and the drainer."""

import sys
import threading
from collections.abc import Callable, Mapping

from program.election import Elector, Errors, identity
from program.errors import run
from program.flags import add_flags, build, parser
from program.surface import add_surface, open_surface, serve, until_signalled
from scheduler_feedback import release, served
from scheduler_feedback.announce import announcer
from scheduler_feedback.cache import NodeCache
from scheduler_feedback.claims import CLAIMS
from scheduler_feedback.collection import Collection, nodes
from scheduler_feedback.drain_kube import DrainKube
from scheduler_feedback.errors import Conflict, KubeError
from scheduler_feedback.evict import Drainer, Policy
from scheduler_feedback.extender import Extender
from scheduler_feedback.gang.service import FleetWatch, Gangs
from scheduler_feedback.kube import NODES, Kube, connect
from scheduler_feedback.memory import keep_freed
from scheduler_feedback.metrics import Metrics
from scheduler_feedback.placement.service import Placement, make_roster, share_names
from scheduler_feedback.protocol import MAX_BODY
from scheduler_feedback.publish.cluster import PublishKube
from scheduler_feedback.publish.release import release_topology
from scheduler_feedback.publish.service import Publishing
from scheduler_feedback.questions import explain_pod, preflight_node, what_if
from scheduler_feedback.queue.make import make_queues
from scheduler_feedback.refused import Teller
from scheduler_feedback.server import routes
from scheduler_feedback.settings import DEFAULT_ADDRESS, Settings
from scheduler_feedback.share.kube import ShareKube
from scheduler_feedback.watch import Watcher

PROGRAM = "railwatch-scheduler"


_EPILOG = f"""subcommands:
  {PROGRAM} explain NAMESPACE/NAME   why a pod may or may not use each node
  {PROGRAM} drain-preflight NODE     whom draining would evict, and who holds whom
  {PROGRAM} what-if --drain NODES    where each gang and pod would go if nodes were drained
  {PROGRAM} release --all            remove what the program left behind"""


def main() -> int:
    """Run the program; return its exit code."""
    return run(PROGRAM, lambda: _main(sys.argv[1:]))


def _main(argv: list[str]) -> int:
    if argv and argv[0] in _SUBCOMMANDS:
        _SUBCOMMANDS[argv[0]](argv[1:])
        return 0
    made = parser(
        PROGRAM,
        "Tells a stock kube-scheduler what railwatch knows of the nodes' hardware.",
        epilog=_EPILOG,
    )
    add_flags(made, Settings)
    add_surface(made, DEFAULT_ADDRESS)
    parsed = made.parse_args(argv)
    surface = open_surface(parsed)
    daemon = Daemon(build(Settings, parsed))
    ended = until_signalled()
    keep_freed()
    sys.setswitchinterval(_SWITCH)
    server = serve(surface, daemon.routes, max_body=MAX_BODY)
    daemon.start()
    ended.wait()
    daemon.stop()
    server.stop()
    return 0


def _release(argv: list[str]) -> None:
    settings = release.read(argv)
    kube = connect(settings.kubeconfig)
    release.release(kube, DrainKube(kube, settings.key_prefix), settings)
    books = ShareKube(kube, settings.lease_namespace, settings.key_prefix)
    release.release_books(books, settings.lease_namespace)
    release_topology(PublishKube(kube), kube.listing(NODES).objects, settings.key_prefix)


_SUBCOMMANDS: Mapping[str, Callable[[list[str]], None]] = {
    "explain": explain_pod,
    "drain-preflight": preflight_node,
    "what-if": what_if,
    "release": _release,
}


_SWITCH = 0.0005
"""Seconds for which a thread that plans may keep a request waiting; Python's default is tenfold."""
_WITH_WORK_IN_HAND = ("election", "drain", "gangs", "topology", "events")


class Daemon:
    """The parts put together: the watch that feeds the cache and, where asked for, the drainer."""

    def __init__(self, settings: Settings) -> None:
        """Put the parts together; ProgramError where the kubeconfig cannot be used."""
        self._settings = settings
        self._stop = threading.Event()
        self._wake = threading.Event()
        self._kube = connect(settings.kubeconfig)
        self._nodes = NodeCache(
            stale_after=settings.stale_after,
            prefix=settings.key_prefix,
            on_drain=self._wake.set,
            roster=make_roster(settings),
        )
        self._metrics = Metrics(self._nodes)
        self._watcher = Watcher(
            nodes(self._kube, settings.stale_after / 2),
            self._nodes,
            stop=self._stop,
            failed=self._metrics.watch_failed,
        )
        self._announcer = announcer(self._kube, self._metrics.event)
        self._elector = _elector(self._kube, settings)
        self._fleet = FleetWatch(self._kube, settings, self._metrics)
        self._queues = make_queues(
            self._kube,
            settings,
            leading=lambda: self._elector.leading,
            announcer=self._announcer,
            metrics=self._metrics,
        )
        self._gangs = self._gang_controller() if settings.gangs else None
        self._publishing = self._publisher() if settings.publish_topology else None
        self._placement = Placement(self._kube, settings, self._nodes.roster, self._metrics)
        self._teller = Teller(self._announcer, self._kube.node, settings.key_prefix)
        self._threads: list[threading.Thread] = []
        self.routes = routes(
            self._nodes,
            self._metrics,
            trouble=lambda: self._watcher.error,
            dead=self._dead,
            extender=self._extender(),
        )

    def start(self) -> None:
        """Begin to follow the cluster."""
        self._work("nodes", self._watcher.run)
        self._work("events", lambda: self._announcer.run(self._stop))
        self._work("refused", lambda: self._teller.run(self._stop.is_set))
        if self._settings.placement or self._settings.share:
            self._placement.start(self._work, self._stop)
        if self._settings.drain or self._gangs is not None or self._publishing is not None:
            self._metrics.leading = lambda: self._elector.leading
            self._work("election", lambda: self._elector.run(self._stop))
        if self._publishing is not None:
            self._publishing.start(self._work, self._stop, self._metrics.watch_failed)
        if self._settings.drain or self._gangs is not None:
            self._fleet.start(self._work, self._stop)
        if self._gangs is not None:
            self._gangs.start(self._work, self._stop)
            every = self._settings.queues_interval
            self._work("queues", lambda: self._queues.run(self._stop, every))
            if self._settings.queues_file:
                self._work("claims", self._follow_claims)
        if not self._settings.drain:
            return
        drainer = self._drainer()
        self._work(
            "drain", lambda: drainer.run(self._stop, self._wake, self._settings.drain_interval)
        )

    def _follow_claims(self) -> None:
        """Follow what DRA drivers' devices are allocated to, where the cluster has such."""
        source = Collection(self._kube, CLAIMS, self._settings.stale_after / 2)
        failed = self._metrics.watch_failed
        served.follow(self._kube, source, self._queues.devices, stop=self._stop, failed=failed)

    def stop(self) -> None:
        """End the drainer after the eviction under way, and give its Lease up."""
        self._stop.set()
        self._wake.set()
        if self._gangs is not None:
            self._gangs.wake.set()
        for thread in self._threads:
            if thread.name in _WITH_WORK_IN_HAND:  # watches end with their stream, and lose nothing
                thread.join(timeout=10)
        self._elector.release()

    def _extender(self) -> Extender:
        settings, placement = self._settings, self._placement
        return Extender(
            self._nodes,
            self._metrics,
            desk=placement.desk if settings.placement or settings.share else None,
            bind=placement.bind if settings.share else None,
            refused=self._teller.note,
        )

    def _gang_controller(self) -> Gangs:
        return Gangs(
            self._kube,
            self._fleet,
            self._settings,
            leading=lambda: self._elector.leading,
            announcer=self._announcer,
            metrics=self._metrics,
            quotas=self._queues,
        )

    def _publisher(self) -> Publishing:
        return Publishing(
            self._kube,
            self._settings,
            leading=lambda: self._elector.leading,
            announcer=self._announcer,
            registry=self._metrics.registry,
            stop=self._stop,
        )

    def _drainer(self) -> Drainer:
        site = self._settings.gang_site_tier
        return Drainer(
            DrainKube(self._kube, self._settings.key_prefix),
            self._nodes,
            fleet=self._fleet.snapshot,
            leading=lambda: self._elector.leading,
            announcer=self._announcer,
            metrics=self._metrics,
            rate=self._settings.drain_rate,
            policy=Policy(
                bare_pods=self._settings.drain_bare_pods,
                longest_checkpoint=self._settings.drain_longest_checkpoint,
                site_tier=site if site >= 0 else None,
                prefix=self._settings.key_prefix,
                names=share_names(self._settings),
                suspected=self._settings.drain_suspected,
            ),
        )

    def _dead(self) -> list[str]:
        return [thread.name for thread in self._threads if not thread.is_alive()]

    def _work(self, name: str, work: Callable[[], None]) -> None:
        thread = threading.Thread(target=work, name=name, daemon=True)
        thread.start()
        self._threads.append(thread)


def _elector(kube: Kube, settings: Settings) -> Elector:
    return Elector(
        kube,
        Errors(conflict=Conflict, failure=KubeError),
        namespace=settings.lease_namespace,
        name=settings.lease_name,
        identity=identity(),
        duration=settings.lease_duration,
    )


if __name__ == "__main__":
    sys.exit(main())
