"""The kube-apiserver: nodes read and patched, the Lease, and every failure as a KubeError.

Requests go through the client's transport as plain JSON. Its typed models would cost a node of
30 KB about a hundred times what reading the dozen fields does that the bridge needs.
"""

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

from health_bridge.allowed import keys_of
from health_bridge.cluster.answers import document_of, error_of, mapped, one_line
from health_bridge.cluster.collection import Collection, Query
from health_bridge.cluster.errors import Denied, Missing, Unreachable
from health_bridge.connection import Connection
from health_bridge.decision.nodes import Keys, Node, read_node
from program.election import Lease
from program.errors import ProgramError

PAGE = 250
"""Nodes in one answer: about 8 MB, so that a large fleet is never in memory at once."""

_CONNECTIONS = 64
"""That are kept open between requests; those in use at once are as many as ask at once."""

NODES = "/api/v1/nodes"
_MERGE = "application/merge-patch+json"
_STRATEGIC = "application/strategic-merge-patch+json"


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
        listed = self.all_nodes(selector).list().objects
        return [read_node(document, self._keys) for document in listed]

    def collection(self, path: str, *, page: int, query: Query = ()) -> Collection:
        """Return a collection to be listed or watched, `page` objects at a time."""

        def ask(query: Query, patience: float) -> urllib3.BaseHTTPResponse:
            return self._open("GET", path, query=query, patience=patience)

        return Collection(ask, path, page=page, timeout=self._timeout, query=query)

    def all_nodes(self, selector: str = "") -> Collection:
        """Return the nodes that a label selector matches, all for an empty one."""
        query = [("labelSelector", selector)] if selector else []
        return self.collection(NODES, page=PAGE, query=query)

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

    def post_event(self, namespace: str, event: Mapping[str, Any]) -> dict[str, Any]:
        """Create an Event; return it as it was created."""
        return self._request("POST", _events_path(namespace), event)

    def patch_event(self, namespace: str, name: str, change: Mapping[str, Any]) -> None:
        """Merge a change into an Event; Missing where there is none any more."""
        self._request("PATCH", f"{_events_path(namespace)}/{quote(name)}", change, _MERGE)

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
        with mapped(f"{method} {path}"):
            raw = self._open(
                method, path, body, content_type, query=tuple(query), accept=accept
            ).data
        return document_of(f"{method} {path}", raw)

    def _request(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | None = None,
        content_type: str = "application/json",
        *,
        query: Sequence[tuple[str, str]] = (),
    ) -> dict[str, Any]:
        with mapped(f"{method} {path}"):
            raw = self._open(method, path, body, content_type, query=query).data
        return document_of(f"{method} {path}", raw)

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
        with mapped(f"{method} {path}"), _clients(f"{method} {path}"):
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
                raise error_of(f"{method} {path}", answer.status, answer.data)
        return answer


@contextmanager
def _clients(what: str) -> Iterator[None]:
    """Turn the client library's own errors into ours: it may lack credentials for the request."""
    try:
        yield
    except client.ApiException as error:
        raise Unreachable(f"{what}: {one_line(error)}") from None
    except config.ConfigException as error:
        raise Denied(f"{what}: {one_line(error)}") from None


def _node_path(name: str) -> str:
    return f"{NODES}/{quote(name, safe='')}"


def _events_path(namespace: str) -> str:
    return f"/api/v1/namespaces/{quote(namespace, safe='')}/events"


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
        raise ProgramError(f"--kubeconfig {where}: {one_line(error)}") from None
    settings.retries = False
    settings.connection_pool_maxsize = _CONNECTIONS
    return Kube(client.ApiClient(settings), keys_of(connection), timeout or connection.timeout)
