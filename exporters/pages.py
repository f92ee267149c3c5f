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
from exporters.settings import Settings
from exporters.snapshot import Board, Form, Snapshot
from program.web import Request, Response, Routes, text

_SHORTEST_LIFE = 15.0
_INTERVALS_OF_LIFE = 3


class Pages:
    """Answers from the newest snapshot; nothing here waits for hardware."""

    def __init__(
        self, settings: Settings, board: Board, clock: Callable[[], Moment] = Moment.now
    ) -> None:
        """Take where snapshots hang; `clock` tells how old they are."""
        self._board = board
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

    def landing(self, _request: Request) -> Response:
        """Answer the page that a person finds at the exporter's address."""
        links = "".join(
            f'<li><a href="{html.escape(path)}">{html.escape(path)}</a></li>'
            for path in (self._path, "/healthz", "/readyz")
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
