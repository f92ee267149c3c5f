"""A kube-apiserver of one node, for binders that stop, hang and meet at any point."""

import copy
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from scheduler_feedback.errors import Conflict, NotFound, Unreachable
from scheduler_feedback.pools import Pools
from scheduler_feedback.share.binder import Binder, Target
from scheduler_feedback.share.book import (
    Book,
    Reservation,
    dump_reservations,
    parse_reservations,
)
from scheduler_feedback.share.gpus import Use, read_use
from scheduler_feedback.share.names import Names
from tests.scheduler_feedback.fakes import Clock

NAMES = Names()
NODE = "gpu-1"


def sharing_node(gpus: int = 2, memory: int = 80_000, name: str = NODE) -> dict[str, Any]:
    allocatable = {
        "railwatch.io/gpu-milli": str(1000 * gpus),
        "railwatch.io/gpu-memory-mib": str(memory * gpus),
        "cpu": "64",
        "memory": "512Gi",
        "pods": "110",
    }
    metadata = {"name": name, "uid": f"uid-{name}", "annotations": {}, "labels": {}}
    return {"metadata": metadata, "spec": {}, "status": {"allocatable": allocatable}}


def sharing_pod(name: str, milli: int = 0, memory: int = 0) -> dict[str, Any]:
    asked = {"railwatch.io/gpu-milli": milli, "railwatch.io/gpu-memory-mib": memory}
    limits = {resource: str(amount) for resource, amount in asked.items() if amount}
    return {
        "metadata": {
            "namespace": "ml",
            "name": name,
            "uid": f"uid-{name}",
            "resourceVersion": "1",
            "annotations": {},
        },
        "spec": {"containers": [{"resources": {"limits": limits}}]},
        "status": {"phase": "Pending"},
    }


class World:
    """Objects with versions; `before` is called ahead of each request and may do anything."""

    def __init__(self, node: dict[str, Any], *pods: dict[str, Any]) -> None:
        self.here = node
        self.names = NAMES
        self.pools = Pools()
        self.pods = {p["metadata"]["name"]: p for p in pods}
        self.text = ""
        self.version = 0
        self.before: Callable[[str], None] = lambda _request: None
        self.answer_lost = False

    def pod(self, namespace: str, name: str) -> dict[str, Any]:
        self.before("pod")
        assert namespace == "ml"
        if name not in self.pods:
            raise NotFound(name)
        return copy.deepcopy(self.pods[name])

    def node(self, name: str) -> dict[str, Any]:
        self.before("node")
        if name != self.here["metadata"]["name"]:
            raise NotFound(name)
        return copy.deepcopy(self.here)

    def book(self, node: str, node_uid: str) -> Book:
        self.before("book")
        version = str(self.version) if self.version else ""
        held = parse_reservations(self.text) if self.text else ()
        return Book(node=node, node_uid=node_uid, version=version, reservations=held)

    def pods_on(self, node: str) -> Sequence[dict[str, Any]]:
        self.before("pods_on")
        bound = [p for p in self.pods.values() if p["spec"].get("nodeName") == node]
        return copy.deepcopy(bound)

    def write(self, book: Book) -> None:
        self.before("write")
        if book.version != (str(self.version) if self.version else ""):
            raise Conflict("written since")
        self.text = dump_reservations(book.reservations)
        self.version += 1

    def void(self, reservation: Reservation) -> None:
        self.before("void")
        pod = self.pods.get(reservation.name)
        if pod is not None and pod["metadata"]["uid"] == reservation.uid:
            self._touch(pod)

    def bind(self, pod: Any, node: str, notes: Mapping[str, str]) -> None:
        self.before("bind")
        meta = pod["metadata"]
        there = self.pods.get(meta["name"])
        if there is None:
            raise NotFound(meta["name"])
        if there["metadata"]["resourceVersion"] != meta["resourceVersion"]:
            raise Conflict("the pod has changed")
        if there["spec"].get("nodeName"):
            raise Conflict("bound already")
        there["spec"]["nodeName"] = node
        there["metadata"]["annotations"] |= notes
        self._touch(there)
        if self.answer_lost:
            raise Unreachable("the answer was lost")

    def _touch(self, pod: dict[str, Any]) -> None:
        meta = pod["metadata"]
        meta["resourceVersion"] = str(int(meta["resourceVersion"]) + 1)

    def taken(self) -> list[tuple[int, int]]:
        """Return milli and MiB given out of each GPU."""
        size = int(self.here["status"]["allocatable"]["railwatch.io/gpu-milli"]) // 1000
        uses: list[Use] = [
            use
            for pod in self.pods.values()
            if pod["spec"].get("nodeName") and (use := read_use(pod, NAMES))
        ]
        assert all(use.anywhere is None for use in uses)
        return [
            (
                sum(p.milli for use in uses for p in use.parts if p.gpu == gpu),
                sum(p.memory for use in uses for p in use.parts if p.gpu == gpu),
            )
            for gpu in range(size)
        ]

    def binder(self, clock: Clock) -> Binder:
        return Binder(self, self.names, pools=self.pools, clock=clock)


def target(name: str, node: str = NODE) -> Target:
    return Target(namespace="ml", name=name, uid=f"uid-{name}", node=node)
