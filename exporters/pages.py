"""The exporter's web pages: the exposition, and how the exporter itself is."""

import html
from collections.abc import Callable

from prometheus_client.exposition import (
    CONTENT_TYPE_PLAIN_0_0_4,
    choose_encoder,
    gzip_accepted,
)
from prometheus_client.openmetrics.exposition import CONTENT_TYPE_LATEST as OPENMETRICS_1

from catalog import __version__
from exporters.facility import State
from exporters.moment import Moment
from exporters.settings import OWN_PATHS, Settings
from exporters.snapshot import Board, Form, Snapshot
from exporters.topology.family import Document
from program.web import Request, Response, Routes, text

TOPOLOGY_PATH = "/topology"
FABRIC_PATH = "/fabric"
_SHORTEST_LIFE = 15.0
_INTERVALS_OF_LIFE = 3


class Pages:
    """Answers from the newest snapshot; nothing here waits for hardware."""

    def __init__(
        self,
        settings: Settings,
        board: Board,
        clock: Callable[[], Moment] = Moment.now,
        topology: Callable[[], Document | None] = lambda: None,
        fabric: Callable[[], Document | None] = lambda: None,
    ) -> None:
        """Take where snapshots hang and what gives the topology; `clock` tells how old they are."""
        self._board = board
        self._topology = topology
        self._fabric = fabric
        self._clock = clock
        self._path = settings.telemetry_path
        self._life = max(_INTERVALS_OF_LIFE * settings.interval, _SHORTEST_LIFE)

    def routes(self) -> Routes:
        """Return the pages by path."""
        return {
            ("GET", "/"): self.landing,
            ("GET", self._path): self.metrics,
            ("GET", "/healthz"): self.health,
            ("GET", "/readyz"): self.readiness,
            ("GET", TOPOLOGY_PATH): self.topology,
            ("GET", FABRIC_PATH): self.fabric,
        }

    def metrics(self, request: Request) -> Response:
        """Answer the newest snapshot in the form that the Accept headers ask for.

        503 where it is so old that the exporter must be stuck: `up` 0 is the truth then, and the
        last known numbers are not.
        """
        snapshot = self._board.newest
        if snapshot is None:
            return text("no snapshot yet\n", 503)
        age = self._age(snapshot)
        if age > self._life:
            return text(f"the newest snapshot is {age:.0f} s old\n", 503)
        content_type = _content_type(request.headers.get("accept", ""))
        zipped = gzip_accepted(request.headers.get("accept-encoding", ""))
        form = Form(openmetrics=content_type == OPENMETRICS_1, gzip=zipped)
        encoding = (("Content-Encoding", "gzip"),) if zipped else ()
        return Response(
            body=self._board.ask(snapshot, form),
            content_type=content_type,
            headers=(("Vary", "Accept, Accept-Encoding"), *encoding),
        )

    def _age(self, snapshot: Snapshot) -> float:
        return self._clock().mono - snapshot.built.mono

    def health(self, _request: Request) -> Response:
        """Answer whether the program goes on building snapshots."""
        snapshot = self._board.newest
        if snapshot is not None and self._age(snapshot) > self._life:
            return text(f"stuck: the newest snapshot is {self._age(snapshot):.0f} s old\n", 503)
        return text("alive\n")

    def readiness(self, _request: Request) -> Response:
        """Answer whether a first full snapshot exists, and how every facility stands.

        Hardware that is missing, failing or hung does not make the exporter unready: to say so is
        its work.
        """
        snapshot = self._board.newest
        if snapshot is None:
            return text("not ready: no snapshot yet\n", 503)
        lines = ["ready\n" if snapshot.complete else "not ready: not everything has answered yet\n"]
        for standing in snapshot.standings:
            said = (
                f" ({standing.problem})"
                if standing.state is not State.OK and standing.problem
                else ""
            )
            lines.append(f"{standing.family}/{standing.facility}: {standing.state}{said}\n")
        return text("".join(lines), 200 if snapshot.complete else 503)

    def topology(self, request: Request) -> Response:
        """Answer the topology as it was last found; how long ago that was, `Age` says.

        An old one is no lie as an old number is: cards and cables seldom move.
        """
        return self._answer(request, self._topology())

    def fabric(self, request: Request) -> Response:
        """Answer the fabric as it was last discovered, with what changed of it since we began."""
        return self._answer(request, self._fabric())

    def _answer(self, request: Request, document: Document | None) -> Response:
        if document is None:
            return text("no topology yet\n", 503)
        age = max(0, int(self._clock().mono - document.read.mono))
        headers = (("ETag", document.tag), ("Age", str(age)))
        if request.headers.get("if-none-match") == document.tag:
            return Response(body=b"", content_type="application/json", status=304, headers=headers)
        return Response(body=document.body, content_type="application/json", headers=headers)

    def landing(self, _request: Request) -> Response:
        """Answer the page that a person finds at the exporter's address."""
        links = "".join(
            f'<li><a href="{html.escape(path)}">{html.escape(path)}</a></li>'
            for path in (self._path, *OWN_PATHS[1:])
        )
        page = (
            '<!doctype html><html lang="en"><title>railwatch-exporter</title>'
            f"<h1>railwatch-exporter {__version__}</h1><ul>{links}</ul></html>\n"
        )
        return Response(body=page.encode(), content_type="text/html; charset=utf-8")


def _content_type(accept: str) -> str:
    """Return what prometheus-client would answer; of OpenMetrics, the version that is written."""
    try:
        chosen = choose_encoder(accept)[1]
    except TypeError:  # a version that is no number
        return CONTENT_TYPE_PLAIN_0_0_4
    return OPENMETRICS_1 if chosen.startswith("application/openmetrics-text") else chosen
