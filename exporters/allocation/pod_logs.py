"""The names of pods by uid and of containers by id, from the names of their log files.

The pod-resources API names pods and knows no uid, cgroups know nothing else; the kubelet's log
directory holds both: pods/NAMESPACE_POD_UID/, and containers/POD_NAMESPACE_CONTAINER-ID.log. No
file is opened.
"""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from exporters.allocation import cgroups
from exporters.errors import Absent, ReadingError
from exporters.files import entries

_POD = re.compile(r"([^_]{1,63})_([^_]{1,253})_([-0-9a-f]{32,36})", re.ASCII)
_CONTAINER = re.compile(r"([^_]{1,253})_([^_]{1,63})_([^_]{1,63})-([0-9a-f]{64})\.log", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """A container, or as much of its name as is known."""

    namespace: str
    pod: str
    container: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Names:
    """What the log directory tells; pods that were deleted are gone from it, others stay."""

    pods: Mapping[str, User] = field(default_factory=dict)
    """By uid."""
    containers: Mapping[str, User] = field(default_factory=dict)
    """By id."""

    def encoded(self) -> str:
        """Return them as a note can hold them."""
        pods = [[uid, one.namespace, one.pod] for uid, one in self.pods.items()]
        return json.dumps(
            [pods, [[i, u.namespace, u.pod, u.container] for i, u in self.containers.items()]],
            separators=(",", ":"),
        )

    @classmethod
    def decoded(cls, text: str) -> "Names":
        """Return what was encoded."""
        pods, containers = json.loads(text)
        return cls(
            pods={uid: User(namespace=ns, pod=pod) for uid, ns, pod in pods},
            containers={
                i: User(namespace=ns, pod=pod, container=name) for i, ns, pod, name in containers
            },
        )

    def user(self, of: cgroups.Membership) -> User | None:
        """Return who a process is, None where that is not known."""
        return self.containers.get(of.container) or self.pods.get(of.pod)


def read_names(logs: Path) -> Names:
    """Return what the log directory tells; Absent where there is none, Unreadable as `entries`."""
    pods = [m.groups() for name in entries(logs / "pods") if (m := _POD.fullmatch(name))]
    try:
        files = entries(logs / "containers")
    except Absent:
        files = []
    containers = [m.groups() for name in files if (m := _CONTAINER.fullmatch(name))]
    return Names(
        pods={cgroups.uid(uid): User(namespace=ns, pod=pod) for ns, pod, uid in pods},
        containers={i: User(namespace=ns, pod=pod, container=c) for pod, ns, c, i in containers},
    )


def terminated(logs: Path, sysfs: Path) -> Callable[[str, str], bool]:
    """Return who tells whether a pod, by namespace and name, has ended.

    The kubelet goes on listing pods that have. One has, where its uid is known, pods have cgroups
    on this node, and it has none: without such evidence it counts as running.
    """
    alive = cgroups.pods(sysfs)
    try:
        names = read_names(logs).pods if alive else {}
    except ReadingError:
        names = {}
    known: dict[tuple[str, str], set[str]] = {}
    for uid, user in names.items():
        known.setdefault((user.namespace, user.pod), set()).add(uid)

    def ended(namespace: str, pod: str) -> bool:
        uids = known.get((namespace, pod))
        return bool(uids) and not (uids or set()) & (alive or set())

    return ended
