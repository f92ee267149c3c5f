"""Which pod is behind a host interface.

Two ways. Calico's CNI, and others that have to please it (AWS), name the interface after the pod:
a prefix, then eleven digits of the SHA-1 of NAMESPACE.POD. For any other veth pair, the kernel has
a number for the network namespace of its far end, and so has the namespace of each pod's
processes. Both need the kubelet's log directory, for pods' names, the second also the host's
procfs and the right to look into processes.
"""

import hashlib
import os
from collections.abc import Iterable, Mapping
from pathlib import Path

from exporters.allocation import cgroups
from exporters.allocation.pod_logs import Names, User, read_names
from exporters.errors import ReadingError
from exporters.files import entries
from exporters.uplink.links import Link, netns_id
from exporters.uplink.rtnetlink import Rtnetlink

_DIGITS = 11
_TRIES = 6
"""Cycles in which new interfaces are looked at: a pod's come before its processes."""
NOBODY = User(namespace="", pod="")


class PodNames:
    """Remembers who is behind which interface; looks again where interfaces or pods are new."""

    def __init__(self, logs: str, procfs: str, kernel: Rtnetlink) -> None:
        """Take where names and processes are, and the socket; nothing is read yet."""
        self._logs = Path(logs)
        self._procfs = procfs
        self._kernel = kernel
        self._names = Names()
        self._hashes: Mapping[str, User] = {}
        self._changed = 0
        self._users: dict[tuple[int, str], User] = {}
        self._tries = 0

    def users(self, links: Iterable[Link]) -> dict[str, User]:
        """Return who is behind each interface, by its name: NOBODY where that is not known."""
        keys = {(link.index, link.name): link for link in links}
        if self._look() or keys.keys() != self._users.keys():
            self._tries = _TRIES
        if self._tries:
            self._users = self._find(keys.values())
            self._tries = self._tries - 1 if NOBODY in self._users.values() else 0
        return {name: self._users[index, name] for index, name in keys}

    def _look(self) -> bool:
        """Read the names of pods where there are others now; say whether there were."""
        names, changed = Names(), 0
        try:
            changed = (self._logs / "pods").stat().st_mtime_ns
            if changed == self._changed:
                return False
            names = read_names(self._logs)
        except (OSError, ReadingError):
            if not self._changed:
                return False
        self._names, self._changed = names, changed
        self._hashes = {hashed(user): user for user in names.pods.values()}
        return True

    def _find(self, links: Iterable[Link]) -> dict[tuple[int, str], User]:
        found = {(x.index, x.name): self._hashes.get(x.name[-_DIGITS:], NOBODY) for x in links}
        open_ones = [x for x in links if found[x.index, x.name] is NOBODY and x.netns is not None]
        owners = self._owners() if open_ones else {}
        for link in open_ones:
            found[link.index, link.name] = owners.get(link.netns or 0, NOBODY)
        return found

    def _owners(self) -> dict[int, User]:
        """Return pods by the kernel's number for their network namespace."""
        owners: dict[int, User] = {}
        seen = set[str]()
        for pid in _processes(self._procfs):
            member = cgroups.of_process(self._procfs, pid)
            user = self._names.pods.get(member.pod) if member else None
            if member is None or user is None or member.pod in seen:
                continue
            seen.add(member.pod)
            if (number := self._number(pid)) is not None:
                owners[number] = user
        return owners

    def _number(self, pid: int) -> int | None:
        """Return the number for a process's network namespace, None where it cannot be had."""
        try:
            descriptor = os.open(f"{self._procfs}/{pid}/ns/net", os.O_RDONLY | os.O_CLOEXEC)
        except OSError:
            return None
        try:
            return netns_id(self._kernel, descriptor)
        except ReadingError:
            return None
        finally:
            os.close(descriptor)


def hashed(user: User) -> str:
    """Return the digits that a pod's interface ends in: Calico's VethNameForWorkload."""
    name = f"{user.namespace}.{user.pod}".encode()
    return hashlib.sha1(name, usedforsecurity=False).hexdigest()[:_DIGITS]


def _processes(procfs: str) -> list[int]:
    try:
        return [int(name) for name in entries(procfs) if name.isascii() and name.isdigit()]
    except ReadingError:
        return []
