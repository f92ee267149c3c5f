"""Alertmanager and Prometheus over HTTP: bounded in time and size, each failure one typed error.

A source that fails is down. It is never one that has no alerts.
"""

import json
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote, urlencode, urlsplit, urlunsplit

import urllib3

_OK = 200
_CHUNK = 1 << 16
MAX_ANSWER = 64 << 20
"""Bytes of one answer; about 400,000 series or 60,000 alerts."""


class SourceError(Exception):
    """The source did not answer, or not sensibly; the message says which and how."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """One series of an instant query."""

    labels: Mapping[str, str]
    value: float


def shown(url: str) -> str:
    """Return a source's name: its URL without credentials."""
    parts = urlsplit(url)
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))


class Endpoint:
    """One HTTP server that answers with JSON; safe to use from several threads."""

    def __init__(self, url: str, timeout: float, max_answer: int = MAX_ANSWER) -> None:
        """Prepare requests to the server at `url`, each at most `timeout` seconds."""
        self.name = shown(url)
        self._timeout = timeout
        self._max_answer = max_answer
        self._headers = {"Accept": "application/json", "User-Agent": "railwatch-bridge"}
        parts = urlsplit(url)
        if parts.username is not None:
            credentials = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
            self._headers |= urllib3.make_headers(basic_auth=credentials)
        self._pool = urllib3.PoolManager(
            retries=False, timeout=urllib3.Timeout(connect=min(timeout, 5), read=timeout)
        )

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
            response = self._pool.request(
                method,
                self.name + path,
                body=form,
                headers={**self._headers, **kind},
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
            return json.loads(body)
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
        """Return the series of an instant query; SourceError where the answer is not a vector."""
        answer = self._endpoint.post("/api/v1/query", {"query": promql})
        try:
            if answer["status"] != "success" or answer["data"]["resultType"] != "vector":
                raise SourceError(f"{self.name}: the answer to a query is not a vector")
            return [_sample(series) for series in answer["data"]["result"]]
        except (KeyError, TypeError, ValueError, AttributeError):
            raise SourceError(f"{self.name}: the answer to a query is malformed") from None


def _sample(series: Mapping[str, Any]) -> Sample:
    found = series["metric"]
    if not all(isinstance(value, str) for value in found.values()):
        raise ValueError("a label is not text")
    return Sample(labels=found, value=float(series["value"][1]))
