"""HTTP to the servers of the testbed: no proxies, no retries, connections that are kept."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import urllib3

from testbed.waiting import PATIENCE

_TIMEOUT = urllib3.Timeout(connect=PATIENCE, read=PATIENCE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """What a TLS client trusts and shows."""

    ca: Path
    certificate: Path
    key: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A server's answer, whatever its status."""

    status: int
    text: str

    def json(self) -> Any:
        """Return the body as JSON."""
        return json.loads(self.text)


class Client:
    """Speaks to one server."""

    def __init__(self, url: str, identity: Identity | None = None) -> None:
        """Prepare to speak to the server at `url`."""
        self._url = url
        self._pool = urllib3.PoolManager(
            retries=False, timeout=_TIMEOUT, maxsize=4, **_tls(identity)
        )

    def request(
        self, method: str, path: str, *, body: str | None = None, content_type: str = ""
    ) -> Answer:
        """Send a request; OSError where the server cannot be reached."""
        headers = {"Content-Type": content_type} if content_type else {}
        try:
            answer = self._pool.request(method, self._url + path, body=body, headers=headers)
        except urllib3.exceptions.HTTPError as error:
            raise ConnectionError(f"{method} {self._url}{path}: {error}") from error
        return Answer(status=answer.status, text=answer.data.decode("utf-8", "replace"))

    def is_ok(self, path: str) -> bool:
        """Whether the server answers a GET with 200; one that cannot be reached does not."""
        try:
            return self.request("GET", path).status == 200  # noqa: PLR2004 - HTTP
        except OSError:
            return False


def _tls(identity: Identity | None) -> dict[str, Any]:
    if identity is None:
        return {}
    return {
        "ca_certs": str(identity.ca),
        "cert_file": str(identity.certificate),
        "key_file": str(identity.key),
    }
