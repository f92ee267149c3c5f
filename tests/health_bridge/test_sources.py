"""Sources that answer badly, late, too much or not at all."""

import http.server
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from urllib.parse import unquote_plus

import pytest

from health_bridge.decision.sight import Questions, Sight, Witness
from health_bridge.poll import BATCH, Poll, Round
from health_bridge.sources import Alertmanager, Endpoint, Prometheus, SourceError
from program.access import shown
from testbed.waiting import PATIENCE
from tests.health_bridge.worlds import KNOWN

SHORT = 0.5
"""Seconds after which a source that does not answer is given up, where that is to be seen."""

EMPTY = b'{"status":"success","data":{"resultType":"vector","result":[]}}'


class Handler(http.server.BaseHTTPRequestHandler):
    """A request, with what was sent in it."""

    sent = b""


@contextmanager
def server(answer: Callable[[Handler], None]) -> Iterator[str]:
    class Answering(Handler):
        def do_GET(self) -> None:
            self.sent = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            answer(self)

        do_POST = do_GET  # noqa: N815 - the library's name

        def log_message(self, *_: object) -> None:
            """Stay silent."""

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answering) as running:
        thread = threading.Thread(target=running.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{running.server_port}"
        finally:
            running.shutdown()
            thread.join()


@contextmanager
def nobody() -> Iterator[str]:
    """Keep a port on which nobody listens."""
    with socket.socket() as kept:
        kept.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{kept.getsockname()[1]}"


def answering(body: bytes, status: int = 200) -> Callable[[Handler], None]:
    def answer(handler: Handler) -> None:
        handler.send_response(status)
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)

    return answer


def never(handler: Handler) -> None:
    """Answer nothing for as long as the client listens."""
    handler.rfile.read()


def dripping(handler: Handler) -> None:
    """Answer byte by byte, for as long as the client listens or until it is clearly too long."""
    handler.send_response(200)
    handler.end_headers()
    ends = time.monotonic() + PATIENCE
    with suppress(OSError):
        while time.monotonic() < ends:
            handler.wfile.write(b" ")
            time.sleep(0.05)


def cut_off(handler: Handler) -> None:
    handler.send_response(200)
    handler.send_header("Content-Length", "1000")
    handler.end_headers()
    handler.wfile.write(b"[")


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (answering(b"<html>"), "not JSON"),
        (answering(b"[" * 4_000), "not JSON"),
        (answering(b"busy", 503), "HTTP 503: busy"),
        (answering(b"", 302), "HTTP 302"),
        (answering(b"1" * 5000), "longer than 4096 bytes"),
        (cut_off, "IncompleteRead|ProtocolError"),
        (answering(b"[]"), "malformed"),
        (answering(b'{"status":"error"}'), "not a vector"),
        (answering(EMPTY.replace(b"vector", b"matrix")), "not a vector"),
        (answering(EMPTY.replace(b"[]", b"[1]")), "malformed"),
        (answering(EMPTY.replace(b"[]", b'[{"metric":{"a":1},"value":[0,"1"]}]')), "malformed"),
        (answering(EMPTY.replace(b"[]", b'[{"metric":{},"value":[0,"x"]}]')), "malformed"),
    ],
)
def test_a_bad_answer_is_one_error(answer: Callable[[Handler], None], message: str) -> None:
    with server(answer) as url:
        source = Prometheus(Endpoint(url, PATIENCE, max_answer=4096))

        with pytest.raises(SourceError, match=message) as raised:
            source.query("up")

        assert url in str(raised.value)


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (never, "Timeout"),
        # A machine that stalls between two drips makes a pause of them that is too long as well.
        (dripping, r"took longer than 0\.5 s|timed out"),
    ],
)
def test_an_answer_without_an_end_is_one_error_in_bounded_time(
    answer: Callable[[Handler], None], message: str
) -> None:
    with server(answer) as url:
        source = Prometheus(Endpoint(url, SHORT))

        with pytest.raises(SourceError, match=message) as raised:
            source.query("up")

        assert url in str(raised.value)


def test_a_source_that_is_not_there_is_an_error() -> None:
    with nobody() as url:
        source = Alertmanager(Endpoint(url, PATIENCE))

        with pytest.raises(SourceError, match="refused"):
            source.alerts()


def test_one_source_that_hangs_costs_the_others_nothing() -> None:
    with socket.create_server(("127.0.0.1", 0)) as hanging, server(answering(EMPTY)) as url:
        silent = f"http://127.0.0.1:{hanging.getsockname()[1]}"
        poll = Poll(
            [],
            [Prometheus(Endpoint(silent, SHORT)), Prometheus(Endpoint(url, PATIENCE))],
            KNOWN,
            cluster="",
            timeout=PATIENCE,
        )

        seen = poll.alerts()
        poll.close()

    assert set(seen.errors) == {silent}
    assert set(seen.sight.witnesses) == {url}


def test_alertmanagers_all_down_leave_the_sight_incomplete() -> None:
    with server(answering(EMPTY)) as url, nobody() as away:
        poll = Poll(
            [Alertmanager(Endpoint(away, PATIENCE))],
            [Prometheus(Endpoint(url, PATIENCE))],
            KNOWN,
            cluster="",
            timeout=PATIENCE,
        )

        seen = poll.alerts()
        poll.close()

    assert not seen.sight.complete
    assert len(seen.errors) == 1


def test_a_source_that_fails_at_its_proofs_proves_nothing_and_still_observes() -> None:
    asked: list[int] = []
    observed = EMPTY.replace(
        b"[]",
        b'[{"metric":{"node":"a","family":"gpu","facility":"state"},"value":[0,"1"]}]',
    )

    def answer(handler: Handler) -> None:
        asked.append(1)
        # First what is observed, then ALERTS, which is empty, then the proofs.
        answering([observed, EMPTY, b"no"][min(len(asked), 3) - 1])(handler)

    with server(answer) as url:
        source = Prometheus(Endpoint(url, PATIENCE))
        poll = Poll([], [source], KNOWN, cluster="", timeout=PATIENCE)
        first = poll.alerts()

        seen = poll.proofs(first, Questions(proofs={("RdmaLinkDown", 1): frozenset("a")}))
        poll.close()

    assert set(seen.errors) == {url}
    assert seen.sight.observed("a") == {"gpu/state"}
    assert seen.sight.witnesses[url].proven == frozenset()


def test_a_source_too_slow_for_all_proofs_proves_some_and_others_the_next_time() -> None:
    now = [0.0]
    names = [f"n{number:04}" for number in range(2 * BATCH)]

    def answer(handler: Handler) -> None:
        now[0] += 2
        part = unquote_plus(handler.sent.decode())
        told = [
            {"metric": {"node": name, "guid": f"guid-{name}"}, "value": [0, "1"]}
            for name in names
            if name in part
        ]
        body = {"status": "success", "data": {"resultType": "vector", "result": told}}
        answering(json.dumps(body).encode())(handler)

    with server(answer) as url:
        poll = Poll(
            *([], [Prometheus(Endpoint(url, PATIENCE))], KNOWN),
            cluster="",
            timeout=0.5,
            clock=lambda: now[0],
        )
        so_far = Round(sight=Sight(witnesses={url: Witness()}))
        asked = Questions(proofs={("RdmaLinkDown", 1): frozenset(names)})

        seen = [poll.proofs(so_far, asked) for _ in range(2)]
        poll.close()

    proven = [{name for _, name, _, _ in each.sight.witnesses[url].proven} for each in seen]
    assert [set(each.errors) for each in seen] == [{url}] * 2
    assert "only some proofs" in seen[0].errors[url]
    assert [len(each) for each in proven] == [BATCH] * 2
    assert proven[0] | proven[1] == set(names)


def test_credentials_are_sent_and_never_shown() -> None:
    got: list[str] = []

    def answer(handler: Handler) -> None:
        got.append(handler.headers["Authorization"])
        answering(b"no", 500)(handler)

    with server(answer) as url:
        secret = url.replace("http://", "http://me:hunter2@")
        source = Prometheus(Endpoint(secret, PATIENCE))

        with pytest.raises(SourceError) as raised:
            source.query("up")

    assert got == ["Basic bWU6aHVudGVyMg=="]
    assert "hunter2" not in str(raised.value)
    assert shown(secret) == url
