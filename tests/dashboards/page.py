"""Serves the made-up fleet as one scrape target, beside the real exporter."""

import contextlib
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from testbed import showcase
from testbed.showcase.history import is_time

BEGUN = 5.55 * 3600
"""Where in the story the page begins: a GPU is lost, its node drained, a log is unreadable."""

NODES = ("gpu-01", "gpu-02", "gpu-03", "gpu-04", "gpu-09", "gpu-11")
"""Those that are broken, and others of their workloads."""

PROMETHEUS_OWN = ("ALERTS", "ALERTS_FOR_STATE")


def text(started: float) -> bytes:
    """Return the page as it is now; times are moved to now, too."""
    at = BEGUN + time.time() - started
    since = time.time() - at
    lines = (
        f"{str(each).rpartition(' ')[0]} {each.value + since * _moment(each)!r}"
        for each in showcase.samples(at, NODES)
        if each.name not in PROMETHEUS_OWN
    )
    return "\n".join([*lines, ""]).encode()


def _moment(sample: showcase.Sample) -> bool:
    """Whether the value is a moment; 0 is none: never."""
    return is_time(sample.name) and bool(sample.value)


@contextmanager
def served() -> Iterator[int]:
    """Serve the page; the port it is served at.

    It is written again and again beforehand, so that a scrape is answered at once on any machine.
    """
    started, ended = time.time(), threading.Event()
    page = [text(started)]

    def write() -> None:
        while not ended.wait(2):
            page[0] = text(started)

    class Page(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            with contextlib.suppress(ConnectionError):
                self.send_response(200)
                self.send_header("Content-Type", "text/plain; version=0.0.4")
                self.end_headers()
                self.wfile.write(page[0])

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Page)
    threads = [threading.Thread(target=work) for work in (write, server.serve_forever)]
    for thread in threads:
        thread.start()
    try:
        yield server.server_port
    finally:
        ended.set()
        server.shutdown()
        server.server_close()
        for thread in threads:
            thread.join()
