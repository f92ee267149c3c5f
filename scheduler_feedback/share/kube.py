"""What binding to shared GPUs asks of the kube-apiserver and writes there."""

import hashlib
import uuid
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

from catalog.wire import GPU_FENCED, GPU_SHARE, PREFIX, key
from scheduler_feedback.errors import Conflict, NotFound, ServerError
from scheduler_feedback.kube import NODES, PODS, Kube
from scheduler_feedback.share.book import (
    Book,
    BookError,
    Reservation,
    dump_reservations,
    parse_reservations,
)
from scheduler_feedback.watch import Object

_FIELD = "reservations"


class ShareKube:
    """The requests of the binder; books are ConfigMaps of one namespace."""

    def __init__(self, kube: Kube, namespace: str, prefix: str = PREFIX) -> None:
        """Speak through a client; books are in this namespace."""
        self._kube = kube
        self._namespace = namespace
        self._prefix = prefix

    def pod(self, namespace: str, name: str) -> Object:
        """Return a Pod object; NotFound where there is none."""
        return self._kube.call("GET", _pod_path(namespace, name))

    def node(self, name: str) -> Object:
        """Return a Node object; NotFound where there is none."""
        return self._kube.call("GET", f"{NODES}/{quote(name)}")

    def book(self, node: str, node_uid: str) -> Book:
        """Return a node's book as it is now; an empty one where there is none."""
        try:
            found = self._kube.call("GET", self._path(book_name(node)))
        except NotFound:
            return Book(node=node, node_uid=node_uid)
        name = found["metadata"]["name"]
        try:
            reservations = parse_reservations((found.get("data") or {}).get(_FIELD, "[]"))
        except BookError as error:
            raise ServerError(
                f"ConfigMap {self._namespace}/{name}: data.{_FIELD}: {error}; delete it once no "
                "pod is being bound"
            ) from None
        return Book(
            node=node,
            node_uid=node_uid,
            version=found["metadata"]["resourceVersion"],
            reservations=reservations,
        )

    def pods_on(self, node: str) -> Sequence[Object]:
        """Return the Pod objects bound to a node, as of now or later."""
        return list(self._kube.listing(PODS, fieldSelector=f"spec.nodeName={node}").objects)

    def write(self, book: Book) -> None:
        """Write a book; Conflict where it was written since it was read.

        The garbage collector deletes it with its node.
        """
        name = book_name(book.node)
        owner = {"apiVersion": "v1", "kind": "Node", "name": book.node, "uid": book.node_uid}
        metadata: dict[str, Any] = {
            "name": name,
            "labels": {key(GPU_SHARE, self._prefix): "true"},
            "ownerReferences": [owner],
        }
        body = {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": metadata,
            "data": {"node": book.node, _FIELD: dump_reservations(book.reservations)},
        }
        if book.version:
            metadata["resourceVersion"] = book.version
            try:
                self._kube.call("PUT", self._path(name), body)
            except NotFound:
                raise Conflict(f"ConfigMap {name} was deleted") from None
        else:
            self._kube.call("POST", self._path(""), body)

    def void(self, reservation: Reservation) -> None:
        """Touch a pod, if it is still there, so that bindings of it as it was are refused."""
        note = {key(GPU_FENCED, self._prefix): uuid.uuid4().hex}
        body = {"metadata": {"uid": reservation.uid, "annotations": note}}
        try:
            self._kube.call("PATCH", _pod_path(reservation.namespace, reservation.name), body)
        except (NotFound, Conflict):
            return  # gone, or another pod of that name

    def bind(self, pod: Mapping[str, Any], node: str, notes: Mapping[str, str]) -> None:
        """Bind a pod with annotations; Conflict where it has changed since it was read."""
        meta = pod["metadata"]
        metadata = {
            "namespace": meta["namespace"],
            "name": meta["name"],
            "uid": meta["uid"],
            "resourceVersion": meta["resourceVersion"],
            "annotations": dict(notes),
        }
        target = {"apiVersion": "v1", "kind": "Node", "name": node}
        body = {"apiVersion": "v1", "kind": "Binding", "metadata": metadata, "target": target}
        self._kube.call("POST", f"{_pod_path(meta['namespace'], meta['name'])}/binding", body)

    def release(self) -> list[str]:
        """Delete every book; return their names."""
        selector = f"{key(GPU_SHARE, self._prefix)}=true"
        found = list(self._kube.listing(self._path(""), labelSelector=selector).objects)
        names = [item["metadata"]["name"] for item in found]
        for name in names:
            self._kube.call("DELETE", self._path(name))
        return names

    def _path(self, name: str) -> str:
        path = f"/api/v1/namespaces/{self._namespace}/configmaps"
        return f"{path}/{name}" if name else path


def _pod_path(namespace: str, name: str) -> str:
    return f"/api/v1/namespaces/{quote(namespace)}/pods/{quote(name)}"


def book_name(node: str) -> str:
    """Return the name of a node's book; a node's own name may be as long as any may be."""
    return f"{GPU_SHARE}-{hashlib.sha256(node.encode()).hexdigest()[:24]}"
