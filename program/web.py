"""The web server every program has, on cheroot: routes, limits, TLS, authentication.

A handler returns a Response; one that raises costs its caller a 500 and the program nothing.
"""

import logging
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs

from cheroot import wsgi
from cheroot.ssl.builtin import BuiltinSSLAdapter

from program.errors import ProgramError
from program.webconfig import WebConfig

TEXT = "text/plain; charset=utf-8"
JSON = "application/json"

_REASONS = {
    200: "OK", 202: "Accepted", 400: "Bad Request", 401: "Unauthorized", 403: "Forbidden",
    404: "Not Found", 405: "Method Not Allowed", 413: "Content Too Large",
    500: "Internal Server Error", 503: "Service Unavailable",
}  # fmt: skip

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


def split_address(address: str) -> tuple[str, int]:
    """Return host and port of `:9410`, `127.0.0.1:9410` or `[::1]:9410`; ValueError if neither."""
    host, colon, port = address.rpartition(":")
    if not colon or not port.isdecimal() or int(port) > 65535:  # noqa: PLR2004 - TCP
        raise ValueError(f"{address!r} is not an address such as :9410 or 127.0.0.1:9410")
    return host.strip("[]"), int(port)


class WebServer:
    """Serves routes until stopped."""

    def __init__(
        self,
        routes: Routes,
        address: str,
        config: WebConfig,
        *,
        threads: int = 8,
        max_body: int = 1 << 20,
    ) -> None:
        """Prepare a server for `routes` on `address` (host:port; an empty host is every one)."""
        self._routes = routes
        self._config = config
        self._max_body = max_body
        host, port = split_address(address)
        self._address = address
        self._server = wsgi.Server(
            (host or "0.0.0.0", port),  # noqa: S104 - an exporter listens to its cluster
            self._application,
            numthreads=threads,
            server_name="railwatch",
            request_queue_size=128,
            timeout=30,
        )
        self._server.error_log = _log_server_error  # type: ignore[method-assign, assignment] # cheroot's own way to take its log
        if config.tls is not None:
            self._server.ssl_adapter = _adapter(config)
        self._thread = threading.Thread(target=self._server.serve, name="web", daemon=True)

    def start(self) -> None:
        """Bind and begin to serve; ProgramError where the address cannot be had."""
        try:
            self._server.prepare()
        except OSError as error:
            raise ProgramError(f"cannot listen on {self._address}: {error}") from None
        self._thread.start()

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
        host = "127.0.0.1" if host in ("", "0.0.0.0") else host  # noqa: S104
        host = f"[{host}]" if ":" in host else host
        return f"{'https' if self._config.tls else 'http'}://{host}:{self.port}"

    def _application(self, environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        response = self._respond(environ)
        status = f"{response.status} {_REASONS.get(response.status, 'Unknown')}"
        headers = [
            ("Content-Type", response.content_type),
            ("Content-Length", str(len(response.body))),
            *response.headers,
        ]
        start(status, headers)
        return [b"" if environ["REQUEST_METHOD"] == "HEAD" else response.body]

    def _respond(self, environ: dict[str, Any]) -> Response:
        request = self._request(environ)
        if not self._config.admits(request.headers.get("authorization", "")):
            challenge = (("WWW-Authenticate", 'Basic realm="railwatch"'),)
            return Response(status=401, body=b"Unauthorized\n", headers=challenge)
        method = "GET" if request.method == "HEAD" else request.method
        handler = self._routes.get((method, request.path))
        if handler is None:
            known = any(path == request.path for _, path in self._routes)
            return text("method not allowed\n", 405) if known else text("not found\n", 404)
        try:
            return handler(request)
        except Exception:
            log.exception("handler failed", extra={"path": request.path})
            return text("internal error\n", 500)

    def _request(self, environ: dict[str, Any]) -> Request:
        headers = {
            name.removeprefix("HTTP_").replace("_", "-").lower(): str(value)
            for name, value in environ.items()
            if name.startswith("HTTP_") or name in ("CONTENT_TYPE", "CONTENT_LENGTH")
        }
        body, too_large = self._body(environ)
        return Request(
            method=environ["REQUEST_METHOD"],
            path=environ.get("PATH_INFO") or "/",
            query=parse_qs(environ.get("QUERY_STRING", "")),
            headers=headers,
            body=body,
            too_large=too_large,
        )

    def _body(self, environ: dict[str, Any]) -> tuple[bytes, bool]:
        if environ["REQUEST_METHOD"] in ("GET", "HEAD"):
            return b"", False
        source = environ["wsgi.input"]
        body = source.read(self._max_body + 1)
        if len(body) <= self._max_body:
            return body, False
        while source.read(1 << 16):
            pass
        return b"", True


def _adapter(config: WebConfig) -> BuiltinSSLAdapter:
    adapter = BuiltinSSLAdapter.__new__(BuiltinSSLAdapter)
    adapter.certificate = adapter.private_key = adapter.certificate_chain = adapter.ciphers = None
    adapter.private_key_password = None
    adapter.context = config.tls
    return adapter


def _log_server_error(message: str = "", level: int = 20, traceback: bool = False) -> None:  # noqa: FBT001, FBT002 - cheroot's signature
    log.log(level, message.strip() or "web server error", exc_info=traceback)
