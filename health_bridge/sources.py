"""Alertmanager and Prometheus over HTTP: bounded in time and size, each failure one typed error.

A source that fails is down. It is never one that has no alerts.
"""

import ssl
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote, urlencode, urlsplit

import msgspec
import urllib3

from program.access import Access, shown

_OK = 200
_CHUNK = 1 << 16
_CONNECTIONS = 2
"""Kept open: what is observed is asked for beside the rest."""
_MAX_WARNING = 300
MAX_ANSWER = 64 << 20
"""Bytes of one answer; about 400,000 series or 60,000 alerts."""


class SourceError(Exception):
    """The source did not answer, or not sensibly; the message says which and how."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """One series of an instant query."""

    labels: Mapping[str, str]
    value: float


class Endpoint:
    """One HTTP server that answers with JSON; safe to use from several threads."""

    def __init__(
        self,
        url: str,
        timeout: float,
        max_answer: int = MAX_ANSWER,
        access: Access | None = None,
    ) -> None:
        """Prepare requests to the server at `url`, each at most `timeout` seconds."""
        self.name = shown(url)
        self._timeout = timeout
        self._max_answer = max_answer
        self._access = access or Access()
        self._headers = {"Accept": "application/json", "User-Agent": "railwatch-bridge"}
        parts = urlsplit(url)
        if parts.username is not None:
            credentials = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
            self._headers |= urllib3.make_headers(basic_auth=credentials)
        self._connected = self._connect(self._context())

    def get(self, path: str, fields: Mapping[str, str]) -> Any:
        """Return the JSON that a GET is answered with."""
        return self._ask("GET", f"{path}?{urlencode(fields)}", None)

    def post(self, path: str, fields: Mapping[str, str]) -> Any:
        """Return the JSON that a POST of a form is answered with: a query may outgrow a URL."""
        return self._ask("POST", path, urlencode(fields).encode())

    def _ask(self, method: str, path: str, form: bytes | None) -> Any:
        deadline = time.monotonic() + self._timeout
        kind = {} if form is None else {"Content-Type": "application/x-www-form-urlencoded"}
        try:
            response = self._pool().request(
                method,
                self.name + path,
                body=form,
                headers=self._sent(kind),
                preload_content=False,
            )
            try:
                body = b"".join(self._bounded(response, deadline))
            except BaseException:
                response.close()
                raise
            response.release_conn()
        except (urllib3.exceptions.HTTPError, OSError) as error:
            raise SourceError(f"{self.name}: {_reason(error)}") from None
        return self._read(response.status, body)

    def _context(self) -> ssl.SSLContext | None:
        return self._access.tls.context() if self._access.tls else None

    def _connect(
        self, context: ssl.SSLContext | None
    ) -> tuple[ssl.SSLContext | None, urllib3.PoolManager]:
        name = self._access.tls.server_name if self._access.tls else None
        tls: dict[str, Any] = {"ssl_context": context}
        if name is not None:
            tls["server_hostname"] = name
        pool = urllib3.PoolManager(
            maxsize=_CONNECTIONS,
            retries=False,
            timeout=urllib3.Timeout(connect=min(self._timeout, 5), read=self._timeout),
            **(tls if context else {}),
        )
        return context, pool

    def _pool(self) -> urllib3.PoolManager:
        """Return the connections, new ones once the certificates have changed."""
        made_with, pool = self._connected
        context = self._context()
        if context is not made_with:
            self._connected = self._connect(context)
            pool = self._connected[1]
        return pool

    def _sent(self, more: Mapping[str, str]) -> urllib3.HTTPHeaderDict:
        headers = urllib3.HTTPHeaderDict({**self._headers, **more})
        try:
            for name, value in self._access.headers():
                headers.add(name, value)
        except ValueError as error:
            raise SourceError(f"{self.name}: {error}") from None
        return headers

    def _bounded(self, response: urllib3.BaseHTTPResponse, deadline: float) -> Iterator[bytes]:
        """Yield the body; a server may also be too slow byte by byte, or not know when to end."""
        size = 0
        while chunk := response.read1(_CHUNK):
            size += len(chunk)
            if size > self._max_answer:
                raise SourceError(
                    f"{self.name}: the answer is longer than {self._max_answer} bytes"
                )
            if time.monotonic() > deadline:
                raise SourceError(f"{self.name}: the answer took longer than {self._timeout:g} s")
            yield chunk

    def _read(self, status: int, body: bytes) -> Any:
        if status != _OK:
            text = " ".join(body[:200].decode("utf-8", "replace").split())
            raise SourceError(f"{self.name}: HTTP {status}: {text}")
        try:
            return msgspec.json.decode(body)
        except (ValueError, RecursionError):
            raise SourceError(f"{self.name}: the answer is not JSON") from None


def _reason(error: Exception) -> str:
    return f"{type(error).__name__}: {' '.join(str(error).split())}"[:300]


class Alertmanager:
    """The alerts of one Alertmanager."""

    def __init__(self, endpoint: Endpoint) -> None:
        """Read from an endpoint whose URL is Alertmanager's root."""
        self._endpoint = endpoint
        self.name = endpoint.name

    def alerts(self) -> Any:
        """Return the firing alerts that carry a condition: silenced and inhibited ones too."""
        return self._endpoint.get("/api/v2/alerts", {"filter": 'condition!=""'})


class Prometheus:
    """Instant queries to one Prometheus."""

    def __init__(self, endpoint: Endpoint) -> None:
        """Read from an endpoint whose URL is Prometheus' root."""
        self._endpoint = endpoint
        self.name = endpoint.name

    def query(self, promql: str) -> list[Sample]:
        """Return the series of an instant query; SourceError where the answer is not a vector.

        A part of the answer is none: an alert that is missing in it would not void a proof.
        """
        answer = self._endpoint.post("/api/v1/query", {"query": promql})
        try:
            if answer["status"] != "success" or answer["data"]["resultType"] != "vector":
                raise SourceError(f"{self.name}: the answer to a query is not a vector")
            if lacking := _lacking(answer):
                raise SourceError(f"{self.name}: the answer is only a part: {lacking}")
            return [_sample(series) for series in answer["data"]["result"]]
        except (LookupError, TypeError, ValueError, AttributeError):
            raise SourceError(f"{self.name}: the answer to a query is malformed") from None


def _lacking(answer: Mapping[str, Any]) -> str:
    """Return why an answer is not complete, empty where it is.

    A store or a remote read that failed is told in a warning beside what the others have. What the
    engine notes about the query itself is told there too, and begins with its name. VictoriaMetrics
    has a field for it.
    """
    told = (" ".join(str(each).split()) for each in answer.get("warnings") or ())
    lacking = next((each for each in told if each and not each.startswith("PromQL ")), "")
    return lacking[:_MAX_WARNING] or ("isPartial" if answer.get("isPartial") is True else "")


def _sample(series: Mapping[str, Any]) -> Sample:
    found = series["metric"]
    if not all(isinstance(value, str) for value in found.values()):
        raise ValueError("a label is not text")
    return Sample(labels=found, value=float(series["value"][1]))
