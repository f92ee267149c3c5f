"""The web pages, from a snapshot hung up by hand."""

import gzip

import pytest
from prometheus_client import CollectorRegistry, Gauge

from catalog.exporter import EXPORTER_INTERVAL
from exporters.exposition import Writer
from exporters.facility import State
from exporters.ledger import Standing
from exporters.pages import Pages
from exporters.sample import Sample
from exporters.settings import OWN_PATHS, Settings
from exporters.snapshot import Board, Form, Snapshot
from exporters.topology.family import Document
from program.web import Request, Response
from tests.exporters.samples import at


class Counting:
    """A collector that knows how often it was asked."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.asked = 0
        Gauge("own", "Own.", registry=self.registry).set_function(self._ask)

    def _ask(self) -> float:
        self.asked += 1
        return 1.0


def snapshot(registry: CollectorRegistry, *, built: float = 0, complete: bool = True) -> Snapshot:
    return Snapshot(
        built=at(built),
        lines=Writer([EXPORTER_INTERVAL]).write([Sample(EXPORTER_INTERVAL, (), 5)]),
        standings=(
            Standing(family="gpu", facility="ecc", state=State.OK, problem="old"),
            Standing(family="rdma", facility="port", state=State.HUNG, problem="no answer"),
        ),
        complete=complete,
        registry=registry,
    )


def request(**headers: str) -> Request:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Request(method="GET", path="/metrics", query={}, headers=named, body=b"")


class Site:
    def __init__(self, interval: float = 5.0) -> None:
        self.now = 0.0
        self.board = Board()
        self.own = Counting()
        self.pages = Pages(Settings(interval=interval), self.board, clock=lambda: at(self.now))

    def hang_up(self, *, complete: bool = True) -> None:
        self.board.publish(snapshot(self.own.registry, built=self.now, complete=complete))

    def metrics(self, **headers: str) -> Response:
        return self.pages.metrics(request(**headers))


def test_before_the_first_snapshot_only_life_is_confirmed() -> None:
    site = Site()

    assert site.metrics().status == 503
    assert site.pages.readiness(request()).status == 503
    assert site.pages.health(request()).status == 200


def test_each_form_of_a_snapshot_is_made_once() -> None:
    site = Site()
    site.hang_up()

    first = site.metrics(accept_encoding="gzip")
    again = site.metrics(accept_encoding="gzip")
    plain = site.metrics()

    assert first.body is again.body
    assert gzip.decompress(first.body) == plain.body
    assert site.own.asked == 1
    assert b"railwatch_exporter_interval_seconds 5\n" in plain.body
    assert b"own 1.0\n" in plain.body


def test_the_next_snapshot_is_ready_in_the_forms_that_were_asked_for() -> None:
    site = Site()
    site.hang_up()
    site.metrics(accept="application/openmetrics-text")

    site.hang_up()

    assert site.board.newest is not None
    assert set(site.board.newest._bodies) == {Form(openmetrics=True)}


def test_openmetrics_ends_with_eof() -> None:
    site = Site()
    site.hang_up()

    answer = site.metrics(accept="application/openmetrics-text;version=9.9.9")

    assert answer.content_type == "application/openmetrics-text; version=1.0.0; charset=utf-8"
    assert answer.body.endswith(b"own 1.0\n# EOF\n")
    assert answer.body.count(b"# EOF") == 1


@pytest.mark.parametrize(("interval", "life"), [(1.0, 15), (5.0, 15), (60.0, 180)])
def test_a_snapshot_that_is_no_longer_renewed_is_not_served(interval: float, life: float) -> None:
    site = Site(interval)
    site.hang_up()

    site.now = life
    assert site.metrics().status == 200
    site.now = life + 0.1

    assert site.metrics().status == 503
    assert site.pages.health(request()).status == 503


def test_readiness_tells_what_is_wrong_and_is_ready_all_the_same() -> None:
    site = Site()
    site.hang_up()

    answer = site.pages.readiness(request())

    assert answer.status == 200
    assert answer.body.decode().splitlines() == [
        "ready",
        "gpu/ecc: ok",
        "rdma/port: hung (no answer)",
    ]


def test_not_ready_before_everything_has_answered() -> None:
    site = Site()
    site.hang_up(complete=False)

    assert site.pages.readiness(request()).status == 503
    assert site.metrics().status == 200


def test_the_landing_page_links_what_there_is() -> None:
    pages = Pages(Settings(telemetry_path="/a<b"), Board())

    body = pages.landing(request()).body.decode()

    assert 'href="/a&lt;b"' in body
    for path in OWN_PATHS:
        assert path == "/" or f'href="{path}"' in body
    assert set(pages.routes()) == {("GET", path) for path in ("/a<b", *OWN_PATHS)}


def test_the_topology_is_served_as_it_was_last_found() -> None:
    now = 70.0
    found = Document(body=b'{"version":1}', tag='"abc"', read=at(10))
    pages = Pages(Settings(), Board(), clock=lambda: at(now), topology=lambda: found)

    answer = pages.topology(request())

    assert (answer.status, answer.body) == (200, b'{"version":1}')
    assert answer.content_type == "application/json"
    assert dict(answer.headers) == {"ETag": '"abc"', "Age": "60"}


def test_who_has_the_topology_already_gets_nothing_new() -> None:
    found = Document(body=b"{}", tag='"abc"', read=at(10))
    pages = Pages(Settings(), Board(), clock=lambda: at(10), topology=lambda: found)

    assert pages.topology(request(if_none_match='"abc"')).status == 304
    assert pages.topology(request(if_none_match='"abd"')).status == 200


def test_before_the_first_topology_there_is_none() -> None:
    assert Site().pages.topology(request()).status == 503
