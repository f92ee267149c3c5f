"""How a device's memory and time divide among who uses it, with a remainder that makes them whole.

Pure. A process is told from its cgroup; what no process accounts for is `unattributed`: the
driver's own memory, processes that NVML does not show or that ended meanwhile.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from exporters.allocation.cgroups import Membership
from exporters.allocation.pod_logs import Names, User

MOST = 64
"""Users of one device that are shown; what the others use is in the remainder."""

POD, HOST, UNATTRIBUTED = "pod", "host", "unattributed"

Labels = tuple[str, str, str, str]
"""user, namespace, pod, container."""

_HOST: Labels = (HOST, "", "", "")
_REMAINDER: Labels = (UNATTRIBUTED, "", "", "")


@dataclass(frozen=True, slots=True, kw_only=True)
class Use:
    """What one process uses of a device, in the unit of the whole."""

    of: Membership
    amount: float


def divide(
    whole: float, uses: Iterable[Use], names: Names, holders: Iterable[User]
) -> Mapping[Labels, float]:
    """Return the parts by who uses them; they sum up to the whole, but for what is told of more.

    `holders` were given the device: one that is the only container of its pod there is the one that
    its pod's processes are in.
    """
    parts: dict[Labels, float] = {}
    given = tuple(holders)
    for use in uses:
        labels = _labels(use.of, names, given)
        if labels is not None:
            parts[labels] = parts.get(labels, 0.0) + use.amount
    largest = sorted(parts, key=lambda labels: (-parts[labels], labels))[:MOST]
    shown = {labels: parts[labels] for labels in largest}
    return shown | {_REMAINDER: max(0.0, whole - sum(shown.values()))}


def _labels(of: Membership, names: Names, holders: tuple[User, ...]) -> Labels | None:
    """Return who a process is, None where it is in a pod whose name is not known."""
    user = names.user(of)
    if user is None:
        return None if of.pod else _HOST
    container = user.container or _only_container(user, holders)
    return POD, user.namespace, user.pod, container


def _only_container(user: User, holders: tuple[User, ...]) -> str:
    there = {h.container for h in holders if (h.namespace, h.pod) == (user.namespace, user.pod)}
    return there.pop() if len(there) == 1 else ""
