"""How a device's memory and time divide among who uses it, with a remainder that makes them whole.

Pure. A process is told from its cgroup; what no process accounts for is `unattributed`: the
driver's own memory, processes that NVML does not show or that ended meanwhile.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from catalog.gpu_allocation import USERS
from exporters.allocation.cgroups import Membership
from exporters.allocation.pod_logs import Names, User

MOST = 16
"""Users of one device that are shown by name, the largest; what the rest uses is one sum."""

POD, HOST, OTHERS, UNATTRIBUTED = USERS

Labels = tuple[str, str, str, str]
"""user, namespace, pod, container."""

_HOST: Labels = (HOST, "", "", "")
_FOLDED: Labels = (OTHERS, "", "", "")
_REMAINDER: Labels = (UNATTRIBUTED, "", "", "")


@dataclass(frozen=True, slots=True, kw_only=True)
class Use:
    """What one process uses of a device, in the unit of the whole."""

    of: Membership
    amount: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Division:
    """The parts of a whole by who uses them, and how many users have no part of their own."""

    parts: Mapping[Labels, float]
    folded: int


def divide(whole: float, uses: Iterable[Use], names: Names, holders: Iterable[User]) -> Division:
    """Divide a whole; the parts sum up to it, but for what is told of more.

    `holders` were given the device: one that is the only container of its pod there is the one that
    its pod's processes are in.
    """
    parts: dict[Labels, float] = {}
    given = tuple(holders)
    for use in uses:
        labels = _labels(use.of, names, given)
        if labels is not None:
            parts[labels] = parts.get(labels, 0.0) + use.amount
    rest = {_REMAINDER: max(0.0, whole - sum(parts.values()))}
    largest = sorted(parts, key=lambda labels: (-parts[labels], labels))
    shown, folded = largest[:MOST], largest[MOST:]
    if folded:
        rest[_FOLDED] = sum(parts[labels] for labels in folded)
    return Division(parts={one: parts[one] for one in shown} | rest, folded=len(folded))


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
