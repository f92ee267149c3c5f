"""The kube-apiserver: nodes read and patched, the Lease, and every failure as a KubeError.

Requests go through the client's transport as plain JSON. Its typed models would cost a node of
30 KB about a hundred times what reading the dozen fields does that the bridge needs.
"""

import json
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from http import HTTPStatus
from pathlib import Path
from typing import Any
from urllib.parse import quote

import urllib3
import yaml
from kubernetes import client, config

from health_bridge.errors import Conflict, Denied, Gone, KubeError, Missing, Refused, Unreachable
from health_bridge.nodes import Keys, Node, read_node
from health_bridge.policy import keys_of
from health_bridge.settings import Connection
from program.election import Lease
from program.errors import ProgramError
from program.watch import Change, Listing, Object

PAGE = 250
"""Nodes in one answer: about 8 MB, so that a large fleet is never in memory at once."""

_CONNECTIONS = 64
"""That are kept open between requests; those in use at once are as many as ask at once."""

_NODES = "/api/v1/nodes"
_MERGE = "application/merge-patch+json"
_STRATEGIC = "application/strategic-merge-patch+json"
_ERRORS: Mapping[int, type[KubeError]] = {
    HTTPStatus.UNAUTHORIZED: Denied,
    HTTPStatus.FORBIDDEN: Denied,
    HTTPStatus.NOT_FOUND: Missing,
    HTTPStatus.CONFLICT: Conflict,
    HTTPStatus.GONE: Gone,
    HTTPStatus.TOO_MANY_REQUESTS: Unreachable,
}


class Kube:
    """One user's access to one kube-apiserver; safe to use from several threads."""

    def __init__(self, api: client.ApiClient, keys: Keys, timeout: float) -> None:
        """Speak through a client of the library; each request takes at most `timeout` seconds."""
        self._api = api
        self._keys = keys
        self._timeout = timeout
        self._lock = threading.Lock()

    def nodes(self, selector: str = "") -> list[Node]:
        """Return the nodes that a label selector matches, all for an empty one."""
        return [read_node(document, self._keys) for document in self._pages(selector, [])]

    def listing(self, selector: str) -> Listing:
        """List the nodes page by page as they are iterated."""
        seen: list[str] = []
        return Listing(objects=self._pages(selector, seen), version=lambda: seen[-1])

    def watch(self, selector: str, version: str) -> Iterator[Change]:
        """Watch the nodes from a version on for as long as one request may take; Gone: too old.

        The server ends it in time; a connection that outlasts that by half is dead.
        """
        seconds = max(1, round(self._timeout))
        query = [
            ("watch", "1"),
            ("allowWatchBookmarks", "true"),
            ("resourceVersion", version),
            ("timeoutSeconds", str(seconds)),
            *([("labelSelector", selector)] if selector else []),
        ]
        answer = self._open("GET", _NODES, query=query, patience=1.5 * seconds)
        return _changes(answer)

    def node(self, name: str) -> Node:
        """Return one node."""
        return read_node(self._request("GET", _node_path(name)), self._keys)

    def patch_node(self, name: str, patch: Mapping[str, Any]) -> Node:
        """Merge a patch into a node's metadata and spec; lists are replaced, null removes."""
        return read_node(self._request("PATCH", _node_path(name), patch, _MERGE), self._keys)

    def patch_status(self, name: str, patch: Mapping[str, Any]) -> Node:
        """Merge a patch into a node's status: of the conditions, only the types it names."""
        path = f"{_node_path(name)}/status"
        return read_node(self._request("PATCH", path, patch, _STRATEGIC), self._keys)

    def config_map(self, namespace: str, name: str) -> dict[str, str] | None:
        """Return a ConfigMap's data, None where there is no such ConfigMap."""
        path = f"/api/v1/namespaces/{quote(namespace, safe='')}/configmaps/{quote(name, safe='')}"
        try:
            return dict(self._request("GET", path).get("data") or {})
        except Missing:
            return None

    def read_lease(self, namespace: str, name: str) -> Lease | None:
        """Return a Lease, None where there is none."""
        try:
            return Lease.parse(self._request("GET", f"{_leases_path(namespace)}/{quote(name)}"))
        except Missing:
            return None

    def write_lease(self, namespace: str, name: str, lease: Lease) -> Lease:
        """Create a Lease, or replace the version of it that was read; Conflict where it moved."""
        document = lease.dump(namespace, name)
        path = _leases_path(namespace)
        if not lease.version:
            return Lease.parse(self._request("POST", path, document))
        return Lease.parse(self._request("PUT", f"{path}/{quote(name)}", document))

    def delete_lease(self, namespace: str, name: str) -> None:
        """Delete a Lease; it may be gone already."""
        try:
            self._request("DELETE", f"{_leases_path(namespace)}/{quote(name)}")
        except Missing:
            return

    def request(  # noqa: PLR0913 - what a request is made of
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | None = None,
        content_type: str = "application/json",
        *,
        query: Iterable[tuple[str, str]] = (),
        accept: str = "application/json",
    ) -> dict[str, Any]:
        """Return the JSON that any other request is answered with."""
        with _mapped(f"{method} {path}"):
            raw = self._open(
                method, path, body, content_type, query=tuple(query), accept=accept
            ).data
        return _document(f"{method} {path}", raw)

    def _pages(self, selector: str, seen: list[str]) -> Iterator[Object]:
        query = [("limit", str(PAGE)), *([("labelSelector", selector)] if selector else [])]
        more = ""
        while True:
            page = self._request(
                "GET", _NODES, query=[*query, *([("continue", more)] if more else [])]
            )
            yield from page.get("items") or []
            seen.append(page["metadata"].get("resourceVersion", ""))
            more = page["metadata"].get("continue", "")
            if not more:
                return

    def _request(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | None = None,
        content_type: str = "application/json",
        *,
        query: Sequence[tuple[str, str]] = (),
    ) -> dict[str, Any]:
        with _mapped(f"{method} {path}"):
            raw = self._open(method, path, body, content_type, query=query).data
        return _document(f"{method} {path}", raw)

    def _open(  # noqa: PLR0913 - what a request is made of
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | None = None,
        content_type: str = "application/json",
        *,
        query: Sequence[tuple[str, str]] = (),
        patience: float | None = None,
        accept: str = "application/json",
    ) -> urllib3.BaseHTTPResponse:
        """Send a request; return its answer, not yet read, or raise what its status means."""
        headers = {"Accept": accept, "Content-Type": content_type}
        patience = self._timeout if patience is None else patience
        with _mapped(f"{method} {path}"):
            with self._lock:  # the client renews its credentials here, and not thread-safely
                _, url, sent, _, _ = self._api.param_serialize(
                    method=method,
                    resource_path=path,
                    query_params=list(query),
                    header_params=headers,
                    auth_settings=["BearerToken"],
                )
            answer: urllib3.BaseHTTPResponse = self._api.call_api(
                method, url, sent, body, _request_timeout=(min(self._timeout, 5.0), patience)
            ).response
            if answer.status >= HTTPStatus.BAD_REQUEST:
                raise _error(f"{method} {path}", answer.status, answer.data)
        return answer


@contextmanager
def _mapped(what: str) -> Iterator[None]:
    """Turn the transport's errors into ours."""
    try:
        yield
    except (urllib3.exceptions.HTTPError, client.ApiException, OSError) as error:
        raise Unreachable(f"{what}: {_line(error)}") from None
    except config.ConfigException as error:
        raise Denied(f"{what}: {_line(error)}") from None


def _changes(answer: urllib3.BaseHTTPResponse) -> Iterator[Change]:
    rest = b""
    try:
        with _mapped(f"GET {_NODES}"):
            for chunk in answer.stream(1 << 16):
                *lines, rest = (rest + chunk).split(b"\n")
                yield from (_change(line) for line in lines if line)
    finally:
        answer.close()


def _change(line: bytes) -> Change:
    what = f"GET {_NODES}?watch"
    document = _document(what, line)
    told = document.get("object")
    if not isinstance(told, dict) or not isinstance(document.get("type"), str):
        raise Unreachable(f"{what}: the answer is not an event")
    if document["type"] == "ERROR":
        status = int(told.get("code") or HTTPStatus.INTERNAL_SERVER_ERROR)
        raise _error(what, status, json.dumps(told).encode())
    return Change(kind=document["type"], object=told)


def _document(what: str, raw: bytes) -> dict[str, Any]:
    try:
        document = json.loads(raw)
    except ValueError:
        document = None
    if not isinstance(document, dict):
        raise Unreachable(f"{what}: the answer is not a JSON object")
    return document


def _error(what: str, status: int, raw: bytes) -> KubeError:
    kind = _ERRORS.get(status, Unreachable if status >= 500 else Refused)  # noqa: PLR2004 - HTTP
    try:
        said = json.loads(raw)["message"]
    except (ValueError, TypeError, KeyError):
        said = raw[:200].decode("utf-8", "replace")
    return kind(f"{what}: HTTP {status}: {_line(said)}")


def _line(said: object) -> str:
    return " ".join(str(said).split())[:500]


def _node_path(name: str) -> str:
    return f"{_NODES}/{quote(name, safe='')}"


def _leases_path(namespace: str) -> str:
    return f"/apis/coordination.k8s.io/v1/namespaces/{quote(namespace, safe='')}/leases"


def connect(connection: Connection, timeout: float | None = None) -> Kube:
    """Return access as the settings describe it; ProgramError where they cannot be right.

    No request is made: a kube-apiserver that is away now may be back later.
    """
    settings = client.Configuration()
    try:
        if connection.kubeconfig:
            Path(connection.kubeconfig).read_bytes()
            config.load_kube_config(
                connection.kubeconfig, client_configuration=settings, persist_config=False
            )
        else:
            config.load_incluster_config(client_configuration=settings)
    except (OSError, config.ConfigException, yaml.YAMLError, ValueError, TypeError) as error:
        where = connection.kubeconfig or "(empty: not in a pod; name a file)"
        raise ProgramError(f"--kubeconfig {where}: {_line(error)}") from None
    settings.retries = False
    settings.connection_pool_maxsize = _CONNECTIONS
    return Kube(client.ApiClient(settings), keys_of(connection), timeout or connection.timeout)
