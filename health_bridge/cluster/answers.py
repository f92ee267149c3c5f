"""What the kube-apiserver answers: JSON objects, or errors each of which is a KubeError."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http import HTTPStatus
from typing import Any

import msgspec
import urllib3

from health_bridge.cluster.errors import (
    Conflict,
    Denied,
    Gone,
    KubeError,
    Missing,
    Refused,
    Unreachable,
)

_ERRORS: Mapping[int, type[KubeError]] = {
    HTTPStatus.UNAUTHORIZED: Denied,
    HTTPStatus.FORBIDDEN: Denied,
    HTTPStatus.NOT_FOUND: Missing,
    HTTPStatus.CONFLICT: Conflict,
    HTTPStatus.GONE: Gone,
    HTTPStatus.TOO_MANY_REQUESTS: Unreachable,
}


@contextmanager
def mapped(what: str) -> Iterator[None]:
    """Turn the transport's errors into ours."""
    try:
        yield
    except (urllib3.exceptions.HTTPError, OSError) as error:
        raise Unreachable(f"{what}: {one_line(error)}") from None


def document_of(what: str, raw: bytes) -> dict[str, Any]:
    """Return the JSON object of an answer; Unreachable where it is none."""
    try:
        document = msgspec.json.decode(raw)
    except (ValueError, RecursionError):
        document = None
    if not isinstance(document, dict):
        raise Unreachable(f"{what}: the answer is not a JSON object")
    return document


def error_of(what: str, status: int, raw: bytes) -> KubeError:
    """Return what an HTTP status means, with what the server says of it."""
    kind = _ERRORS.get(status, Unreachable if status >= 500 else Refused)  # noqa: PLR2004 - HTTP
    try:
        said = msgspec.json.decode(raw)["message"]
    except (ValueError, TypeError, KeyError, RecursionError):
        said = raw[:200].decode("utf-8", "replace")
    return kind(f"{what}: HTTP {status}: {one_line(said)}")


def one_line(said: object) -> str:
    """Return a bounded line of what somebody else has said."""
    return " ".join(str(said).split())[:500]
