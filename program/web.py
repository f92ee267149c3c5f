"""The web server every program has, on cheroot: routes, limits, TLS, authentication.

A handler returns a Response; one that raises costs its caller a 500 and the program nothing. A
client that connects and says nothing, or only half of what it should, holds up nobody else.
"""

import logging
import re
import socket
import ssl
import threading
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qs

from cheroot import wsgi
from cheroot.errors import MaxSizeExceeded
from cheroot.makefile import MakeFile
from cheroot.server import HTTPConnection
from cheroot.ssl import Adapter

from program.address import split_address
from program.errors import ProgramError
from program.webconfig import Tls, WebConfig

TEXT = "text/plain; charset=utf-8"
JSON = "application/json"

_MAX_HEADER = 1 << 16
_DRAINED = 64
"""A body of more than this many times the limit is not read to its end: the client is cut off."""
_KEPT_ALIVE = 128
_IDLE_TIMEOUT = 30
_LATER = (("Retry-After", "1"),)
_ANY = ("", "0.0.0.0", "::")  # noqa: S104 - an exporter listens to its cluster

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One request; header names are lower case, `body` is at most the server's limit."""

    method: str
    path: str
    query: Mapping[str, list[str]]
    headers: Mapping[str, str]
    body: bytes
    too_large: bool = False
    """The body was longer than the server's limit; it was read to its end and thrown away."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Response:
    """What a handler answers."""

    status: int = 200
    body: bytes = b""
    content_type: str = TEXT
    headers: tuple[tuple[str, str], ...] = ()


Handler = Callable[[Request], Response]
Routes = Mapping[tuple[str, str], Handler]
"""(method, path) → handler."""


def text(body: str, status: int = 200) -> Response:
    """Return a plain text response."""
    return Response(status=status, body=body.encode())


class WebServer:
    """Serves routes until stopped."""

    def __init__(  # noqa: PLR0913 - the server's limits, each with a name
        self,
        routes: Routes,
        address: str,
        config: WebConfig,
        *,
        threads: int = 8,
        max_body: int = 1 << 20,
        max_requests: int = 0,
    ) -> None:
        """Prepare a server for `routes` on `address` (host:port; an empty host is every one).

        Beyond about `max_requests` at once (0: any number) the rest is answered 503.
        """
        self._routes = routes
        self._config = config
        self._max_body = max_body
        self._max_waiting = max(max_requests - threads, 1) if max_requests else 0
        self._address = address
        host, port = split_address(address)
        self._server = _Server((host or _every_host(), port), self._application, threads)
        self._server.max_request_body_size = _DRAINED * max_body
        if config.tls is not None:
            self._server.ssl_adapter = _Adapter(config.tls)
        self._ready: Future[None] = Future()
        # cheroot's worker threads are as daemonic as the thread that starts them; were they not, a
        # program that ends with an error would never end.
        self._thread = threading.Thread(target=self._serve, name="web", daemon=True)

    def start(self) -> None:
        """Bind and begin to serve; ProgramError where the address cannot be had."""
        self._thread.start()
        try:
            self._ready.result()
        except OSError as error:
            raise ProgramError(f"cannot listen on {self._address}: {_reason(error)}") from None

    def _serve(self) -> None:
        try:
            self._server.prepare()
        except OSError as error:
            self._ready.set_exception(error)
            return
        self._ready.set_result(None)
        self._server.serve()

    def stop(self) -> None:
        """Stop serving; answers under way are finished."""
        self._server.stop()
        if self._thread.is_alive():
            self._thread.join(timeout=10)

    @property
    def port(self) -> int:
        """The port that is listened on, also where 0 asked for any."""
        return int(self._server.bind_addr[1])

    @property
    def url(self) -> str:
        """A URL on this machine that reaches the server."""
        host = split_address(self._address)[0]
        host = "127.0.0.1" if host in _ANY else host
        host = f"[{host}]" if ":" in host else host
        return f"{'https' if self._config.tls else 'http'}://{host}:{self.port}"

    def _application(self, environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        response = self._respond(environ)
        headers = [
            ("Content-Type", response.content_type),
            ("Content-Length", str(len(response.body))),
            *response.headers,
        ]
        start(_status_line(response.status), headers)
        return [b"" if environ["REQUEST_METHOD"] == "HEAD" else response.body]

    def _respond(self, environ: dict[str, Any]) -> Response:
        """Answer a request. Its body is read in any case, or the next request would begin in it."""
        try:
            body, too_large = self._body(environ["wsgi.input"])
        except (MaxSizeExceeded, ValueError):
            return text("the body is far too large, or badly chunked\n", 413)
        if self._max_waiting and self._server.requests.qsize > self._max_waiting:
            return Response(status=503, body=b"too many requests at once\n", headers=_LATER)
        request = _request(environ, body, too_large=too_large)
        if not self._config.admits(request.headers.get("authorization", "")):
            challenge = (("WWW-Authenticate", 'Basic realm="railwatch"'),)
            return Response(status=401, body=b"unauthorized\n", headers=challenge)
        return self._handled(request)

    def _handled(self, request: Request) -> Response:
        allowed = [method for method, path in self._routes if path == request.path]
        if not allowed:
            return text("not found\n", 404)
        method = "GET" if request.method == "HEAD" else request.method
        if method not in allowed:
            allow = (("Allow", ", ".join(sorted(allowed))),)
            return Response(status=405, body=b"method not allowed\n", headers=allow)
        try:
            return self._routes[method, request.path](request)
        except Exception:
            log.exception("handler failed", extra={"path": request.path})
            return text("internal error\n", 500)

    def _body(self, source: Any) -> tuple[bytes, bool]:
        body: bytes = source.read(self._max_body + 1)
        if len(body) <= self._max_body:
            return body, False
        while source.read(1 << 16):
            pass
        return b"", True


def _request(environ: Mapping[str, Any], body: bytes, *, too_large: bool) -> Request:
    headers = {
        name.removeprefix("HTTP_").replace("_", "-").lower(): str(value)
        for name, value in environ.items()
        if name.startswith("HTTP_") or name in ("CONTENT_TYPE", "CONTENT_LENGTH")
    }
    return Request(
        method=environ["REQUEST_METHOD"],
        path=environ.get("PATH_INFO") or "/",
        query=parse_qs(environ.get("QUERY_STRING", "")),
        headers=headers,
        body=body,
        too_large=too_large,
    )


def _status_line(status: int) -> str:
    try:
        return f"{status} {HTTPStatus(status).phrase}"
    except ValueError:
        return f"{status} Unknown"


def _every_host() -> str:
    """Return the address that stands for all of this machine's, IPv6 and IPv4 where it has both."""
    return "::" if socket.has_dualstack_ipv6() else "0.0.0.0"  # noqa: S104 - as above


def _reason(error: OSError) -> str:
    """Return the operating system's own words; cheroot wraps them in the address it tried."""
    found = re.search(r"\[Errno -?\d+\] ([^)\]]+)", str(error))
    return found[1] if found else str(error)


class _Connection(HTTPConnection):
    """One client. The worker that first hears from it does the TLS handshake."""

    def communicate(self) -> bool:
        if isinstance(self.socket, ssl.SSLSocket) and self.socket.version() is None:
            try:
                self.socket.do_handshake()
            except OSError as error:
                # A probe of the port alone hangs up at once, every few seconds.
                level = logging.DEBUG if isinstance(error, ssl.SSLEOFError) else logging.INFO
                told = {"peer": self.remote_addr, "error": error}
                log.log(level, "TLS handshake failed", extra=told)
                return False
        return bool(super().communicate())  # type: ignore[no-untyped-call] # cheroot's stubs lack it


class _Server(wsgi.Server):
    """cheroot's server, told how much it may take from one client and where to log."""

    ConnectionClass = _Connection
    max_request_header_size = _MAX_HEADER
    keep_alive_conn_limit = _KEPT_ALIVE

    def __init__(self, address: tuple[str, int], app: Callable[..., Any], threads: int) -> None:
        super().__init__(
            address,
            app,
            numthreads=threads,
            server_name="railwatch",
            request_queue_size=128,
            timeout=_IDLE_TIMEOUT,
        )

    @staticmethod
    def bind_socket(socket_: socket.socket, bind_addr: Any) -> socket.socket:
        try:
            socket_.bind(bind_addr)
        except OSError:
            socket_.close()
            raise
        return socket_

    def process_conn(self, conn: _Connection) -> None:
        """Let a new connection wait in the selector, not in a worker, until it says something."""
        if conn.last_used is None and self.can_add_keepalive_connection:
            self.put_conn(conn)
        else:
            super().process_conn(conn)

    def error_log(self, msg: str = "", level: int = 20, traceback: bool = False) -> None:  # noqa: FBT001, FBT002 - cheroot's signature
        log.log(level, msg.strip() or "web server error", exc_info=traceback)


class _Adapter(Adapter):
    """TLS by our own context. The handshake waits: here it would hold up every other client."""

    def __init__(self, tls: Tls) -> None:
        self._tls = tls

    def bind(self, sock: socket.socket) -> socket.socket:
        return sock

    def wrap(self, sock: socket.socket) -> tuple[ssl.SSLSocket, dict[str, str]]:
        context = self._tls.context()
        wrapped = context.wrap_socket(sock, server_side=True, do_handshake_on_connect=False)
        return wrapped, self.get_environ()

    def get_environ(self) -> dict[str, str]:
        return {"wsgi.url_scheme": "https", "HTTPS": "on"}

    def makefile(self, sock: ssl.SSLSocket, mode: str = "r", bufsize: int = -1) -> Any:
        return MakeFile(sock, mode, bufsize)
