"""The publisher with all it stands on: a watch of nodes, the ways to its sources, its metrics."""

import threading
from collections.abc import Callable, Iterator, Mapping

from prometheus_client import CollectorRegistry, Counter
from prometheus_client.core import GaugeMetricFamily

from catalog import scheduler_topology as records
from catalog.metrics import Metric
from program.access import Access, load, shown
from program.announce import Announcer
from scheduler_feedback.collection import nodes
from scheduler_feedback.kube import Kube
from scheduler_feedback.publish.cluster import PublishKube
from scheduler_feedback.publish.fetch import Fetcher
from scheduler_feedback.publish.publisher import Nodes, Publisher, Round
from scheduler_feedback.publish.reader import Reader, Terms
from scheduler_feedback.publish.settings import PublishSettings
from scheduler_feedback.publish.writer import Writer
from scheduler_feedback.settings import Settings
from scheduler_feedback.watch import Watcher

Work = Callable[[str, Callable[[], None]], None]
"""Runs something in a thread of a name."""

_FLAGS = "--topology.exporter-url or --topology.fabric-url"
_MOST_OF_NODE, _MOST_OF_FABRIC = 1 << 20, 64 << 20
"""Bytes of a document: a node of eight GPUs takes some 20 KB, a fabric of 1,024 HCAs 400."""
_FABRIC_PATIENCE = 30.0


class Published:
    """What the publisher tells Prometheus."""

    def __init__(self, registry: CollectorRegistry) -> None:
        """Begin all counters at zero, so that the first of each is seen."""
        self.round: Callable[[], Round | None] = lambda: None
        self._fetches = _counter(records.FETCHES, registry)
        self._writes = _counter(records.WRITES, registry)
        for document in records.DOCUMENTS:
            for result in records.FETCH_RESULTS:
                self._fetches.labels(document, result)
        for kind in records.KINDS:
            for result in records.WRITE_RESULTS:
                self._writes.labels(kind, result)
        registry.register(self)

    def fetched(self, document: str, result: str) -> None:
        """Count a document that was asked for."""
        self._fetches.labels(document, result).inc()

    def wrote(self, kind: str, result: str) -> None:
        """Count an object that was written or deleted."""
        self._writes.labels(kind, result).inc()

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Yield what is read at the scrape; prometheus-client's own protocol."""
        found = self.round()
        if found is None:
            return
        yield _gauge(records.NODES_PUBLISHED, records.SOURCES, found.sources)
        yield _gauge(records.NODES_UNPLACED, records.UNPLACED, found.unplaced)
        yield _gauge(records.CONFLICTS_FOUND, records.CONFLICTS, found.conflicts)
        yield _single(records.NODES_KEPT, found.kept)
        if found.succeeded_at is not None:
            yield _single(records.LAST_SUCCESS, found.succeeded_at)


def _counter(metric: Metric, registry: CollectorRegistry) -> Counter:
    return Counter(metric.name, metric.help, metric.labels, registry=registry)


def _gauge(metric: Metric, words: tuple[str, ...], counts: Mapping[str, int]) -> GaugeMetricFamily:
    family = GaugeMetricFamily(metric.name, metric.help, labels=metric.labels)
    for word in words:
        family.add_metric((word,), counts.get(word, 0))
    return family


def _single(metric: Metric, value: float) -> GaugeMetricFamily:
    return GaugeMetricFamily(metric.name, metric.help, value=value)


class Publishing:
    """Publishes for as long as this replica leads."""

    def __init__(  # noqa: PLR0913 - what it needs, most by keyword
        self,
        kube: Kube,
        settings: Settings,
        *,
        leading: Callable[[], bool],
        announcer: Announcer,
        registry: CollectorRegistry,
        stop: threading.Event,
    ) -> None:
        """Put the parts together; ProgramError where the access file cannot be used."""
        told = Published(registry)
        self._kube = kube
        self._settings = settings
        self._nodes = Nodes(settings.stale_after, settings.key_prefix)
        writer = Writer(
            PublishKube(kube),
            stop,
            leading,
            settings.topology_write_rate,
            prefix=settings.key_prefix,
            counted=told.wrote,
        )
        self.publisher = Publisher(
            self._nodes,
            make_reader(settings, stop, told.fetched),
            writer,
            announcer,
            leading,
        )
        told.round = lambda: self.publisher.round

    def start(self, work: Work, stop: threading.Event, failed: Callable[[str], None]) -> None:
        """Begin to publish."""
        source = nodes(self._kube, self._settings.stale_after / 2)
        work("topology-nodes", Watcher(source, self._nodes, stop=stop, failed=failed).run)
        interval = self._settings.topology_interval
        work("topology", lambda: self.publisher.run(stop, interval))


def make_reader(
    settings: PublishSettings, stop: threading.Event, counted: Callable[[str, str], None]
) -> Reader:
    """Return what reads all documents, as the settings say; ProgramError for the access file."""
    url, fabric_urls = settings.topology_exporter_url, settings.topology_fabric_urls
    ways = load(settings.topology_access_file, (url, *fabric_urls), _FLAGS)
    exporters = Fetcher(
        ways.get(shown(url), Access()),
        timeout=settings.topology_timeout,
        most=_MOST_OF_NODE,
        url=url,
    )
    fabrics = [
        Fetcher(
            ways.get(shown(each), Access()),
            timeout=_FABRIC_PATIENCE,
            most=_MOST_OF_FABRIC,
            servers=1,
            url=each,
        )
        for each in fabric_urls
    ]
    return Reader(
        Terms(
            url=shown(url),
            fabric_urls=tuple(shown(each) for each in fabric_urls),
            rate=settings.topology_read_rate,
            grace=settings.topology_grace,
        ),
        exporters,
        fabrics,
        stop,
        counted,
    )
