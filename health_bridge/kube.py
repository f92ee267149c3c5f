"""The kube-apiserver: nodes read and patched, the Lease, and every failure as a KubeError.

Requests go through the client's transport as plain JSON. Its typed models would cost a node of
30 KB about a hundred times what reading the dozen fields does that the bridge needs.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from http import HTTPStatus
from pathlib import Path
from typing import Any
from urllib.parse import quote

import urllib3
import yaml
from kubernetes import client, config

from health_bridge.errors import Conflict, Denied, KubeError, Missing, Refused, Unreachable
from health_bridge.nodes import Keys, Node, read_node
from health_bridge.policy import keys_of
from health_bridge.settings import Connection
from program.election import Lease
from program.errors import ProgramError

PAGE = 250
"""Nodes in one answer: about 8 MB, so that a large fleet is never in memory at once."""

_MERGE = "application/merge-patch+json"
_STRATEGIC = "application/strategic-merge-patch+json"
_ERRORS: Mapping[int, type[KubeError]] = {
    HTTPStatus.UNAUTHORIZED: Denied,
    HTTPStatus.FORBIDDEN: Denied,
    HTTPStatus.NOT_FOUND: Missing,
    HTTPStatus.CONFLICT: Conflict,
    HTTPStatus.TOO_MANY_REQUESTS: Unreachable,
}


class Kube:
    """One user's access to one kube-apiserver; safe to use from several threads."""

    def __init__(self, api: client.ApiClient, keys: Keys, timeout: float) -> None:
        """Speak through a client of the library; each request takes at most `timeout` seconds."""
        self._api = api
        self._keys = keys
        self._timeout = timeout

    def nodes(self, selector: str = "") -> list[Node]:
        """Return the nodes that a label selector matches, all for an empty one."""
        return [read_node(document, self._keys) for document in self._pages(selector)]

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

    def request(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | None = None,
        content_type: str = "application/json",
        *,
        query: Iterable[tuple[str, str]] = (),
    ) -> dict[str, Any]:
        """Return the JSON that any other request is answered with."""
        return self._request(method, path, body, content_type, query=tuple(query))

    def _pages(self, selector: str) -> Iterator[Mapping[str, Any]]:
        query = [("limit", str(PAGE)), *([("labelSelector", selector)] if selector else [])]
        more = ""
        while True:
            page = self._request(
                "GET", "/api/v1/nodes", query=[*query, *([("continue", more)] if more else [])]
            )
            yield from page.get("items") or []
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
        headers = {"Accept": "application/json", "Content-Type": content_type}
        try:
            _, url, sent, _, _ = self._api.param_serialize(
                method=method,
                resource_path=path,
                query_params=list(query),
                header_params=headers,
                auth_settings=["BearerToken"],
            )
            answer = self._api.call_api(
                method, url, sent, body, _request_timeout=(min(self._timeout, 5.0), self._timeout)
            )
            raw = answer.read()
        except (urllib3.exceptions.HTTPError, client.ApiException, OSError) as error:
            raise Unreachable(f"{method} {path}: {_line(error)}") from None
        except config.ConfigException as error:
            raise Denied(f"{method} {path}: {_line(error)}") from None
        return _checked(f"{method} {path}", answer.status, raw)


def _checked(what: str, status: int, raw: bytes) -> dict[str, Any]:
    try:
        document = json.loads(raw)
    except ValueError:
        document = None
    if status < HTTPStatus.BAD_REQUEST:
        if not isinstance(document, dict):
            raise Unreachable(f"{what}: the answer is not a JSON object")
        return document
    kind = _ERRORS.get(status, Unreachable if status >= 500 else Refused)  # noqa: PLR2004 - HTTP
    said = (
        document.get("message")
        if isinstance(document, dict)
        else raw[:200].decode("utf-8", "replace")
    )
    raise kind(f"{what}: HTTP {status}: {_line(said)}")


def _line(said: object) -> str:
    return " ".join(str(said).split())[:500]


def _node_path(name: str) -> str:
    return f"/api/v1/nodes/{quote(name, safe='')}"


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
    return Kube(client.ApiClient(settings), keys_of(connection), timeout or connection.timeout)
