"""Says on a pod, in one Event, by what evidence its hardware health keeps every node from it."""

import queue
import time
from collections import Counter, OrderedDict
from collections.abc import Callable, Mapping
from typing import Any

from catalog.wire import PREFIX
from program.announce import About, Announcer
from scheduler_feedback.errors import KubeError
from scheduler_feedback.explain import explain
from scheduler_feedback.health import Refusal
from scheduler_feedback.watch import Object

REASON = "RefusedForHealth"
_NODES = 3
"""Nodes whose evidence is read."""
_WAITING = 256
_AGAIN_AFTER = 600.0
_REMEMBERED = 4096

Refusals = Mapping[str, Refusal]


class Teller:
    """Tells it in a thread of its own: kube-scheduler waits for the answer meanwhile."""

    def __init__(
        self,
        announcer: Announcer,
        node: Callable[[str], Object],
        prefix: str = PREFIX,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Prepare; `node` returns a Node object or raises KubeError."""
        self._announcer = announcer
        self._node = node
        self._prefix = prefix
        self._clock = clock
        self._told: OrderedDict[str, float] = OrderedDict()
        self._queue: queue.Queue[tuple[Mapping[str, Any], Refusals]] = queue.Queue(_WAITING)

    def note(self, pod: Mapping[str, Any], refusals: Refusals) -> None:
        """Take note of a pod that no node is left for; one too many is told when it comes again."""
        told = _told_of(pod)
        if told is None:
            return
        uid, now = told["metadata"]["uid"], self._clock()
        if now - self._told.get(uid, now - _AGAIN_AFTER) < _AGAIN_AFTER:
            return
        try:
            self._queue.put_nowait((told, refusals))
        except queue.Full:
            return
        self._told[uid] = now
        self._told.move_to_end(uid)
        while len(self._told) > _REMEMBERED:
            self._told.popitem(last=False)

    @property
    def waiting(self) -> int:
        """How many pods are still to be told of."""
        return self._queue.qsize()

    def run(self, ended: Callable[[], bool]) -> None:
        """Tell until it has ended."""
        while not ended():
            try:
                pod, refusals = self._queue.get(timeout=1.0)
            except queue.Empty:
                continue
            self.tell(pod, refusals)

    def tell(self, pod: Mapping[str, Any], refusals: Refusals) -> None:
        """Post the Event."""
        meta = pod["metadata"]
        about = About(kind="Pod", namespace=meta["namespace"], name=meta["name"], uid=meta["uid"])
        kinds = Counter(refusal.reason.partition(": ")[2] for refusal in refusals.values())
        reasons = ", ".join(f"{kind} on {count}" for kind, count in sorted(kinds.items()))
        evidence = self._evidence(pod, sorted(refusals)[:_NODES])
        message = f"no node is left with room and sound hardware: {reasons}{evidence}"
        self._announcer.say(about, REASON, message, warning=True)

    def _evidence(self, pod: Mapping[str, Any], names: list[str]) -> str:
        try:
            told = explain(pod, [self._node(name) for name in names], self._prefix)
        except KubeError:
            return ""
        lines = [line for kind in told.kinds if kind.refused for line in kind.evidence]
        return "".join(f"; {line}" for line in lines[:_NODES])


def _told_of(pod: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return the little that is told of a pod; None of one that no kube-apiserver has stored.

    Anyone who reaches the extender may have sent it, and an error would end the thread.
    """
    meta, spec = pod.get("metadata"), pod.get("spec") or {}
    if not isinstance(meta, Mapping) or not isinstance(spec, Mapping):
        return None
    names = {field: meta.get(field) for field in ("namespace", "name", "uid")}
    if not all(isinstance(name, str) and name for name in names.values()):
        return None
    return {"metadata": names, "spec": {"tolerations": spec.get("tolerations")}}
