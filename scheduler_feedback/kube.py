"""The kube-apiserver, as far as this program needs it; the only file with its client.

Objects are plain JSON: decoding 5,000 nodes into the client's models costs more than all the rest.
Every call has a time-out and is made once; who asks decides whether to ask again.
"""

import json
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import urllib3
from kubernetes import client, config
from kubernetes.client.exceptions import ApiException
from kubernetes.config.config_exception import ConfigException

from catalog import __version__
from catalog.wire import GANG_PLACED, key
from program.election import Lease
from program.errors import ProgramError
from scheduler_feedback.errors import (
    Forbidden,
    NotFound,
    ServerError,
    Unreachable,
    from_answer,
    from_status,
)
from scheduler_feedback.gang.pods import HOSTNAME, Member
from scheduler_feedback.watch import Change, Listing, Object

_CONNECT, _READ = 5.0, 20.0
_PAGE = 500
_GRACE = 5.0
"""Seconds a watch may outlast the end it was asked for before its connection counts as dead."""

NODES = "/api/v1/nodes"
NAMESPACES = "/api/v1/namespaces"
PODS = "/api/v1/pods"
BUDGETS = "/apis/policy/v1/poddisruptionbudgets"
RESOURCE_TOPOLOGIES = "/apis/topology.node.k8s.io/v1alpha2/noderesourcetopologies"


def connect(kubeconfig: str) -> "Kube":
    """Return the kube-apiserver that a kubeconfig names, or the one this pod belongs to.

    ProgramError where the configuration is missing or makes no sense; the server need not answer.
    """
    settings = client.Configuration()
    source = f"--kubeconfig {kubeconfig}" if kubeconfig else "service account"
    try:
        if kubeconfig:
            with open(kubeconfig, "rb"):  # noqa: PTH123 - says best why a file cannot be read
                config.load_kube_config(kubeconfig, client_configuration=settings)
        else:
            config.load_incluster_config(settings)
    except ConfigException as error:
        if kubeconfig:
            raise ProgramError(f"{source}: {error}") from None
        raise ProgramError(f"not in a pod ({error}): name a --kubeconfig") from None
    except OSError as error:
        raise ProgramError(f"{source}: {error.strerror or error}") from None
    except Exception as error:  # noqa: BLE001 - the client lets any parser's error through
        raise ProgramError(f"{source}: makes no sense: {error}") from None
    settings.retries = False
    return Kube(settings)


class Kube:
    """The requests that this program makes."""

    def __init__(self, settings: Any) -> None:
        """Prepare a client; nothing is asked yet."""
        self._client = client.ApiClient(settings)
        self._client.user_agent = f"railwatch-scheduler/{__version__}"
        self._lock = threading.Lock()

    def node(self, name: str) -> dict[str, Any]:
        """Return a Node object as it is now; NotFound where there is none."""
        return self._json("GET", f"{NODES}/{name}")

    def nodes(self) -> Sequence[Object]:
        """Return every Node object."""
        return list(self.listing(NODES).objects)

    def pod(self, namespace: str, name: str) -> Object:
        """Return a Pod object; NotFound where there is none.

        By a list, which is all that the drainer's role permits.
        """
        path = f"/api/v1/namespaces/{namespace}/pods"
        found = list(self.listing(path, fieldSelector=f"metadata.name={name}").objects)
        if not found:
            raise NotFound(f"there is no pod {namespace}/{name}")
        return found[0]

    def job(self, namespace: str, name: str) -> dict[str, Any]:
        """Return a Job object; NotFound where there is none."""
        return self._json("GET", f"/apis/batch/v1/namespaces/{namespace}/jobs/{name}")

    def let_go(self, member: Member, hostname: str, placed: str, prefix: str) -> None:
        """Open a gated pod's gate and pin it to a node, both or neither.

        Conflict where the pod has changed since it was read.
        """
        body = {
            "metadata": {
                "resourceVersion": member.version,
                "annotations": {key(GANG_PLACED, prefix): placed},
            },
            "spec": {
                "schedulingGates": [{"name": gate} for gate in member.other_gates],
                "nodeSelector": {HOSTNAME: hostname},
            },
        }
        path = f"/api/v1/namespaces/{member.namespace}/pods/{member.name}"
        self._json("PATCH", path, body)

    def open_gate(self, member: Member) -> None:
        """Open a pod's gate and pin it nowhere; Conflict where it has changed since it was read."""
        body = {
            "metadata": {"resourceVersion": member.version},
            "spec": {"schedulingGates": [{"name": gate} for gate in member.other_gates]},
        }
        path = f"/api/v1/namespaces/{member.namespace}/pods/{member.name}"
        self._json("PATCH", path, body)

    def delete_pod(self, namespace: str, name: str, uid: str) -> None:
        """Delete a pod, if it is still the one with this uid; NotFound or Conflict where not."""
        body = {"apiVersion": "v1", "kind": "DeleteOptions", "preconditions": {"uid": uid}}
        self._json("DELETE", f"/api/v1/namespaces/{namespace}/pods/{name}", body)

    def post_event(self, namespace: str, event: Mapping[str, Any]) -> dict[str, Any]:
        """Create a core/v1 Event; return it as it was created."""
        return self._json("POST", f"/api/v1/namespaces/{namespace}/events", event)

    def patch_event(self, namespace: str, name: str, change: Mapping[str, Any]) -> None:
        """Merge a change into an Event; NotFound where there is none any more."""
        self._json("PATCH", f"/api/v1/namespaces/{namespace}/events/{name}", change)

    def read_lease(self, namespace: str, name: str) -> Lease | None:
        """Return a Lease, None where there is none."""
        try:
            return Lease.parse(self._json("GET", _lease_path(namespace, name)))
        except NotFound:
            return None

    def write_lease(self, namespace: str, name: str, lease: Lease) -> Lease:
        """Create a Lease that has no version, else replace just that version.

        Conflict where someone else was first.
        """
        body = lease.dump(namespace, name)
        if lease.version:
            written = self._json("PUT", _lease_path(namespace, name), body)
        else:
            written = self._json("POST", _lease_path(namespace, ""), body)
        return Lease.parse(written)

    def delete_lease(self, namespace: str, name: str) -> None:
        """Delete a Lease; NotFound where there is none."""
        self._json("DELETE", _lease_path(namespace, name))

    def call(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """Send one request; return the object it is answered with. A PATCH is a merge patch."""
        return self._json(method, path, body)

    def serves(self, path: str) -> bool:
        """Whether a collection is served, which anybody may ask."""
        group, _, resource = path.rpartition("/")
        try:
            found = self._json("GET", group)
        except NotFound:
            return False
        return any(each.get("name") == resource for each in found.get("resources") or ())

    def listing(self, path: str, **selectors: str) -> Listing:
        """List a collection page by page as it is iterated."""
        seen: list[str] = []
        return Listing(objects=self._objects(path, selectors, seen), version=lambda: seen[-1])

    def watch(self, path: str, version: str, seconds: float, **selectors: str) -> Iterator[Change]:
        """Open a watch that the server ends after so many seconds."""
        query = {
            **selectors,
            "watch": "1",
            "allowWatchBookmarks": "true",
            "resourceVersion": version,
            "timeoutSeconds": str(max(1, round(seconds))),
        }
        response = self._open("GET", path, query=query, read=seconds + _GRACE)
        return _changes(response)

    def _objects(
        self, path: str, selectors: Mapping[str, str], seen: list[str]
    ) -> Iterator[dict[str, Any]]:
        following = ""
        while True:
            query = {"limit": str(_PAGE), **selectors}
            if following:
                query["continue"] = following
            page = self._json("GET", path, query=query)
            yield from page.get("items") or ()
            seen.append(page["metadata"]["resourceVersion"])
            following = page["metadata"].get("continue", "")
            if not following:
                return

    def _json(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | None = None,
        query: Mapping[str, str] | None = None,
    ) -> dict[str, Any]:
        with _mapped():
            response = self._open(method, path, body, query)
            try:
                return dict(json.loads(response.data))
            except (ValueError, TypeError):
                raise ServerError(f"{method} {path}: the answer is not a JSON object") from None

    def _open(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | None = None,
        query: Mapping[str, str] | None = None,
        read: float = _READ,
    ) -> urllib3.HTTPResponse:
        """Send a request; return its response, not yet read, or raise what its status means."""
        kind = "application/merge-patch+json" if method == "PATCH" else "application/json"
        headers = {"Accept": "application/json", "Content-Type": kind}
        with _mapped():
            with self._lock:  # the client renews its credentials here, and not thread-safely
                call = self._client.param_serialize(
                    method, path, query_params=list((query or {}).items()),
                    header_params=headers, body=body, auth_settings=["BearerToken"],
                )  # fmt: skip
            response = self._client.call_api(*call, _request_timeout=(_CONNECT, read)).response
            if response.status < 300:  # noqa: PLR2004 - HTTP
                return response  # type: ignore[no-any-return] # the client is untyped
            raise from_answer(response.status, response.data, _retry_after(response))


@contextmanager
def _mapped() -> Iterator[None]:
    """Turn the transport's errors into Unreachable, and a lack of credentials into Forbidden."""
    try:
        yield
    except (urllib3.exceptions.HTTPError, ApiException, OSError) as error:
        raise Unreachable(" ".join(str(error).split())) from None
    except ConfigException as error:
        raise Forbidden(f"no credentials for the request: {' '.join(str(error).split())}") from None


def _changes(response: urllib3.HTTPResponse) -> Iterator[Change]:
    rest = b""
    try:
        with _mapped():
            for chunk in response.stream(1 << 16):
                *lines, rest = (rest + chunk).split(b"\n")
                yield from (_change(line) for line in lines if line)
    finally:
        response.close()


def _change(line: bytes) -> Change:
    try:
        document = json.loads(line)
        change = Change(kind=document["type"], object=document["object"])
    except (ValueError, TypeError, KeyError):
        raise ServerError("the watch said something that is not an event") from None
    if change.kind == "ERROR":
        status = change.object
        raise from_status(int(status.get("code") or 500), str(status.get("message", "")))
    return change


def _retry_after(response: urllib3.HTTPResponse) -> float:
    text = response.headers.get("Retry-After", "")
    return float(text) if text.isdecimal() else 0.0


def _lease_path(namespace: str, name: str) -> str:
    path = f"/apis/coordination.k8s.io/v1/namespaces/{namespace}/leases"
    return f"{path}/{name}" if name else path
