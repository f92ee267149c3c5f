"""Exporters and collectors as the publisher meets them: what each answers is for a test to say."""

import http.server
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from tests.program.certificates import Identity

Answer = Callable[["Handler"], None]


class Handler(http.server.BaseHTTPRequestHandler):
    """Answers as its server was told for the path."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        pages = self.server.pages  # type: ignore[attr-defined] # the server's own
        pages.asked.append((self.path, {k.title(): v for k, v in self.headers.items()}))
        answer = pages.answers.get(self.path)
        if answer is None:
            self.send_error(404)
        else:
            answer(self)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the library's own name
        """Say nothing."""


@dataclass
class Pages:
    """What is answered, by path."""

    url: str
    answers: dict[str, Answer] = field(default_factory=dict)
    asked: list[tuple[str, dict[str, str]]] = field(default_factory=list)


@contextmanager
def serving(identity: Identity | None = None) -> Iterator[Pages]:
    """Serve on a free port, by TLS where an identity is given."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    if identity is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(identity.cert, identity.key)
        server.socket = context.wrap_socket(server.socket, server_side=True)
    pages = Pages(f"http{'s' if identity else ''}://127.0.0.1:{server.server_port}")
    server.pages = pages  # type: ignore[attr-defined] # for the handler
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield pages
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def document(body: bytes, *, tag: str = "", age: int = 0, status: int = 200) -> Answer:
    """Answer with a document, or that it is the one that was asked about."""

    def answer(handler: Handler) -> None:
        same = tag and handler.headers.get("If-None-Match") == tag
        sent = b"" if same else body
        handler.send_response(304 if same else status)
        handler.send_header("Content-Length", str(len(sent)))
        handler.send_header("ETag", tag)
        handler.send_header("Age", str(age))
        handler.end_headers()
        handler.wfile.write(sent)

    return answer


def trickling(handler: Handler) -> None:
    """Answer byte by byte, without end."""
    handler.send_response(200)
    handler.end_headers()
    try:
        while True:
            handler.wfile.write(b" ")
            handler.wfile.flush()
            time.sleep(0.05)
    except OSError:
        return  # it has had enough


def endless(handler: Handler) -> None:
    """Answer without end."""
    handler.send_response(200)
    handler.end_headers()
    try:
        for _ in range(1 << 10):
            handler.wfile.write(b" " * (1 << 16))
    except OSError:
        return  # it has had enough


def elsewhere(url: str) -> Answer:
    """Send the asker somewhere else."""

    def answer(handler: Handler) -> None:
        handler.send_response(302)
        handler.send_header("Location", url)
        handler.send_header("Content-Length", "0")
        handler.end_headers()

    return answer
