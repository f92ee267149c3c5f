"""Documents over HTTP: bounded in time and size, each failure one typed error.

Exporters are asked again with what their answer was marked with, so that one that has not changed
costs next to nothing. Redirects are not followed: a node's exporter has no business to send the
publisher, and what it shows, elsewhere.
"""

import ssl
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote, urlsplit

import urllib3

from catalog import __version__
from program.access import Access

_OK, _NOT_MODIFIED = 200, 304
_CHUNK = 1 << 16
_LONGEST_TAG = 256


class FetchError(Exception):
    """No answer, or none with a document; the message says how."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What was answered."""

    body: bytes | None
    """None where it is what was answered before."""
    tag: str
    """What the document is marked with; empty where it is not."""
    age: float
    """How old it is, in seconds, as its server says."""


class Fetcher:
    """GETs with one way of access; safe to use from several threads."""

    def __init__(
        self, access: Access, *, timeout: float, most: int, servers: int = 64, url: str = ""
    ) -> None:
        """Prepare; an answer takes at most `timeout` seconds and `most` bytes.

        Credentials in `url` are shown. Connections to so many servers are kept.
        """
        self._access = access
        self._timeout = timeout
        self._most = most
        self._servers = servers
        self._headers = {"Accept": "application/json", "User-Agent": f"railwatch/{__version__}"}
        parts = urlsplit(url)
        if parts.username is not None:
            credentials = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
            self._headers |= urllib3.make_headers(basic_auth=credentials)
        self._connected = self._connect(self._context())

    def get(self, url: str, tag: str = "") -> Answer:
        """Return the document at a URL; FetchError where there is none."""
        deadline = time.monotonic() + self._timeout
        try:
            response = self._pool().request(
                "GET", url, headers=self._sent(tag), preload_content=False, redirect=False
            )
            try:
                return self._answer(response, deadline)
            finally:
                response.close()
        except (urllib3.exceptions.HTTPError, OSError, ValueError) as error:
            raise FetchError(
                f"{type(error).__name__}: {' '.join(str(error).split())[:200]}"
            ) from None

    def _answer(self, response: urllib3.BaseHTTPResponse, deadline: float) -> Answer:
        marked = response.headers.get("ETag", "")
        told = response.headers.get("Age", "")
        age = float(told) if told.isascii() and told.isdigit() and len(told) < _CHUNK else 0.0
        mark = marked if len(marked) <= _LONGEST_TAG and marked.isascii() else ""
        if response.status == _NOT_MODIFIED:
            return Answer(body=None, tag=mark, age=age)
        body = b"".join(self._bounded(response, deadline))
        if response.status != _OK:
            raise FetchError(f"HTTP {response.status}")
        return Answer(body=body, tag=mark, age=age)

    def _bounded(self, response: urllib3.BaseHTTPResponse, deadline: float) -> Iterator[bytes]:
        """Yield the body; a server may also be too slow byte by byte, or not know when to end."""
        size = 0
        while chunk := response.read1(_CHUNK):
            size += len(chunk)
            if size > self._most:
                raise FetchError(f"the answer is longer than {self._most} bytes")
            if time.monotonic() > deadline:
                raise FetchError(f"the answer took longer than {self._timeout:g} s")
            yield chunk

    def _context(self) -> ssl.SSLContext | None:
        return self._access.tls.context() if self._access.tls else None

    def _connect(
        self, context: ssl.SSLContext | None
    ) -> tuple[ssl.SSLContext | None, urllib3.PoolManager]:
        tls: dict[str, Any] = {"ssl_context": context} if context else {}
        name = self._access.tls.server_name if self._access.tls else None
        if name is not None:
            tls["server_hostname"] = name
        timeout = urllib3.Timeout(connect=min(self._timeout, 2), read=self._timeout)
        return context, urllib3.PoolManager(
            num_pools=self._servers, retries=False, timeout=timeout, **tls
        )

    def _pool(self) -> urllib3.PoolManager:
        """Return the connections, new ones once the certificates have changed."""
        context = self._context()
        if context is not self._connected[0]:
            self._connected = self._connect(context)
        return self._connected[1]

    def _sent(self, tag: str) -> urllib3.HTTPHeaderDict:
        headers = urllib3.HTTPHeaderDict(self._headers)
        for name, value in self._access.headers():
            headers.add(name, value)
        if tag:
            headers["If-None-Match"] = tag
        return headers
