"""What the kube-apiserver can answer instead of what was asked for.

KubeError
├── Unreachable       no connection, a time-out, an answer cut short
├── Forbidden         401 or 403: the account lacks the right
├── NotFound          404
├── Conflict          409: someone else was first, or the precondition does not hold
├── Gone              410: the resource version is too old; list again
├── TooManyRequests   429: a disruption budget or the server's own flow control
├── Invalid           another 4xx: the server does not take what we said
└── ServerError       5xx
"""

import json
from http import HTTPStatus

_LONGEST = 500
"""Characters that are kept of what the server says."""


class KubeError(Exception):
    """A request to the kube-apiserver did not succeed; `reason` is from a bounded vocabulary."""

    reason = "error"


class Unreachable(KubeError):  # noqa: N818 - the tree above reads better without Error
    """The server did not answer, or not to the end."""

    reason = "unreachable"


class Forbidden(KubeError):  # noqa: N818 - as above
    """The account may not do this."""

    reason = "forbidden"


class NotFound(KubeError):  # noqa: N818 - as above
    """The object does not exist."""

    reason = "not_found"


class Conflict(KubeError):  # noqa: N818 - as above
    """The object is not, or no longer, what the request assumed."""

    reason = "conflict"


class Gone(KubeError):  # noqa: N818 - as above
    """The resource version is no longer known."""

    reason = "gone"


class TooManyRequests(KubeError):  # noqa: N818 - as above
    """The server asks to come back later; `retry_after` in seconds, 0 where it does not say."""

    reason = "too_many_requests"

    def __init__(self, message: str, retry_after: float = 0.0) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class Invalid(KubeError):  # noqa: N818 - as above
    """The server refuses the request as such."""

    reason = "invalid"


class ServerError(KubeError):
    """The server failed."""

    reason = "server_error"


def from_status(status: int, message: str, retry_after: float = 0.0) -> KubeError:
    """Return the error for an HTTP status."""
    if status == 429:  # noqa: PLR2004 - HTTP
        return TooManyRequests(message, retry_after)
    kinds = {401: Forbidden, 403: Forbidden, 404: NotFound, 409: Conflict, 410: Gone}
    fallback = ServerError if status >= 500 else Invalid  # noqa: PLR2004 - HTTP
    return kinds.get(status, fallback)(message)


def from_answer(status: int, body: bytes, retry_after: float = 0.0) -> KubeError:
    """Return the error for an answer that is none, with what the kube-apiserver says of it.

    A patch for an object that was made anew under its name is a conflict: the kube-apiserver calls
    the uid in it an immutable field.
    """
    try:
        said = json.loads(body)
        message = str(said["message"])[:_LONGEST]
        causes = (said.get("details") or {}).get("causes") or ()
        fields = [cause.get("field") for cause in causes]  # a policy's has none
    except (ValueError, TypeError, KeyError, AttributeError):
        message, fields = f"HTTP {status}", []
    another = status == HTTPStatus.UNPROCESSABLE_ENTITY and "metadata.uid" in fields
    return from_status(HTTPStatus.CONFLICT if another else status, message, retry_after)
