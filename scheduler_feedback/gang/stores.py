"""All nodes and all pods that matter to gangs, kept by two watches and read once a cycle."""

import threading
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from catalog.wire import PREFIX
from scheduler_feedback.gang.nodes import Host, read_host
from scheduler_feedback.gang.pods import Claim, Member, read_claim, read_member
from scheduler_feedback.pools import Pools


class _Vouched:
    """When the kube-apiserver last stood behind what a store says."""

    def __init__(self, stale_after: float, changed: Callable[[], None]) -> None:
        self._stale_after = stale_after
        self._changed = changed
        self._at: float | None = None
        self._lock = threading.Lock()

    def vouch(self) -> None:
        """Take note that the kube-apiserver stands behind this state now."""
        self._at = time.monotonic()

    @property
    def fresh(self) -> bool:
        """Whether the state is complete and young enough to act on."""
        return self._at is not None and time.monotonic() - self._at <= self._stale_after


class Hosts(_Vouched):
    """Every node."""

    def __init__(
        self,
        stale_after: float,
        *,
        prefix: str = PREFIX,
        pools: Pools | None = None,
        changed: Callable[[], None] = lambda: None,
    ) -> None:
        """Begin empty; `changed` is called when planning anew may bring something."""
        super().__init__(stale_after, changed)
        self._prefix = prefix
        self._pools = pools
        self._hosts: dict[str, Host] = {}

    def replace(self, nodes: Iterable[Mapping[str, Any]]) -> None:
        """Take a complete list of Node objects for the whole truth."""
        fresh = {host.name: host for host in map(self._read, nodes)}
        with self._lock:
            self._hosts = fresh
        self.vouch()
        self._changed()

    def put(self, node: Mapping[str, Any]) -> None:
        """Take a Node object that was added or modified; a heartbeat changes nothing here."""
        host = self._read(node)
        with self._lock:
            before = self._hosts.get(host.name)
            self._hosts[host.name] = host
        if before != host:
            self._changed()

    def _read(self, node: Mapping[str, Any]) -> Host:
        return read_host(node, self._prefix, self._pools)

    def drop(self, node: Mapping[str, Any]) -> None:
        """Take note that a Node object was deleted."""
        with self._lock:
            self._hosts.pop(node["metadata"]["name"], None)

    def all(self) -> list[Host]:
        """Return every node."""
        with self._lock:
            return list(self._hosts.values())


class Pods(_Vouched):
    """The pods of gangs, and what all others take of their nodes."""

    def __init__(
        self,
        stale_after: float,
        *,
        prefix: str = PREFIX,
        changed: Callable[[], None] = lambda: None,
    ) -> None:
        """Begin empty; `changed` is called when planning anew may bring something."""
        super().__init__(stale_after, changed)
        self._prefix = prefix
        self._claims: dict[str, Claim] = {}
        self._members: dict[str, Member] = {}
        self._waiting: set[str] = set()
        """Uids of the pods at our gate."""

    def replace(self, pods: Iterable[Mapping[str, Any]]) -> None:
        """Take a complete list of Pod objects for the whole truth."""
        claims: dict[str, Claim] = {}
        members: dict[str, Member] = {}
        for pod in pods:
            self._take(pod, claims, members)
        with self._lock:
            self._claims, self._members = claims, members
            self._waiting = {uid for uid, member in members.items() if member.gated}
        self.vouch()
        self._changed()

    def put(self, pod: Mapping[str, Any]) -> None:
        """Take a Pod object that was added or modified."""
        uid = pod["metadata"]["uid"]
        with self._lock:
            before = self._claims.pop(uid, None), self._members.pop(uid, None)
            self._take(pod, self._claims, self._members)
            after = self._claims.get(uid), self._members.get(uid)
            self._note_waiting(uid)
            matters = before[1] != after[1] or bool(self._waiting)
        if matters and before != after:
            self._changed()

    def drop(self, pod: Mapping[str, Any]) -> None:
        """Take note that a Pod object was deleted."""
        uid = pod["metadata"]["uid"]
        with self._lock:
            self._claims.pop(uid, None)
            matters = self._members.pop(uid, None) is not None or bool(self._waiting)
            self._note_waiting(uid)
        if matters:
            self._changed()

    def _note_waiting(self, uid: str) -> None:
        """Keep in mind whether a pod waits: while none does, what others take matters to nobody."""
        member = self._members.get(uid)
        if member is not None and member.gated:
            self._waiting.add(uid)
        else:
            self._waiting.discard(uid)

    def _take(
        self, pod: Mapping[str, Any], claims: dict[str, Claim], members: dict[str, Member]
    ) -> None:
        claim, member = read_claim(pod), read_member(pod, self._prefix)
        if claim is not None:
            claims[claim.uid] = claim
        if member is not None:
            members[member.uid] = member

    def all(self) -> tuple[list[Claim], list[Member]]:
        """Return what is taken, and the pods of gangs, of one moment."""
        with self._lock:
            return list(self._claims.values()), list(self._members.values())
