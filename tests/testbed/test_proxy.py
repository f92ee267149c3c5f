"""The proxy passes, slows, hangs, resets and forgets connections to a real server."""

import http.server
import threading
from collections.abc import Iterator

import pytest
import urllib3

from testbed.proxy import Mode, Proxy
from testbed.waiting import PATIENCE

CLIENT = urllib3.PoolManager(retries=False)
SHORT = 0.5
"""Seconds to wait for what does not come."""
RESET = (urllib3.exceptions.ProtocolError, urllib3.exceptions.NewConnectionError)
"""The latter where the reset is there before the client has seen that it is connected."""


class Hello(http.server.BaseHTTPRequestHandler):
    """Answers, and keeps the connection."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", "5")
        self.end_headers()
        self.wfile.write(b"hello")

    def log_message(self, *_: object) -> None:
        """Stay silent."""


@pytest.fixture
def proxy() -> Iterator[Proxy]:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Hello)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    with Proxy("127.0.0.1", server.server_port, delay=0.05) as between:
        yield between
    server.shutdown()
    thread.join()
    server.server_close()


def ask(proxy: Proxy, *, timeout: float = PATIENCE) -> bytes:
    return CLIENT.request("GET", proxy.url, timeout=timeout).data


@pytest.mark.parametrize("mode", [Mode.PASS, Mode.SLOW])
def test_bytes_arrive(proxy: Proxy, mode: Mode) -> None:
    proxy.mode = mode

    assert [ask(proxy), ask(proxy)] == [b"hello", b"hello"]
    assert proxy.connections == 1


def test_a_partition_ends_in_a_time_out_and_is_over_when_it_is_over(proxy: Proxy) -> None:
    ask(proxy)
    proxy.mode = Mode.HANG
    with pytest.raises(urllib3.exceptions.ReadTimeoutError):
        ask(proxy, timeout=SHORT)
    proxy.mode = Mode.PASS

    assert ask(proxy) == b"hello"


def test_refused_is_a_reset(proxy: Proxy) -> None:
    proxy.mode = Mode.REFUSE

    with pytest.raises(RESET, match="reset"):
        ask(proxy)


def test_a_frozen_connection_stays_dead_and_a_new_one_lives(proxy: Proxy) -> None:
    ask(proxy)
    proxy.freeze()

    with pytest.raises(urllib3.exceptions.ReadTimeoutError):
        ask(proxy, timeout=SHORT)
    assert ask(proxy) == b"hello"
    assert proxy.connections == 2
