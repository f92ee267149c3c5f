"""How a device's memory and time divide among who uses it, with a remainder that makes them whole.

Pure. A process is told from its cgroup; what no process accounts for is `unattributed`: the
driver's own memory, processes that NVML does not show or that ended meanwhile.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from catalog.gpu_allocation import USERS
from exporters.allocation.cgroups import Membership
from exporters.allocation.pod_logs import Names, User
from exporters.allocation.turns import shown

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
class Whole:
    """What a GPU, or a MIG device of it, says is used in all, and what its processes use."""

    mig: str = ""
    amount: float
    uses: Sequence[Use] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Division:
    """The parts of a whole by who uses them, and how many users have no part of their own."""

    parts: Mapping[Labels, float]
    folded: int


def divide(
    wholes: Sequence[Whole], names: Names, holders: Mapping[str, Collection[User]]
) -> Mapping[str, Division]:
    """Divide the wholes of one GPU, by MIG device; the parts of each sum up to it.

    They sum up to more where more is told of. `holders` were given the device: one that is the only
    container of its pod there is the one that its pod's processes are in. By name are shown the
    largest of each device first, then the second largest of each.
    """
    found = {whole.mig: _by_user(whole, names, holders.get(whole.mig, ())) for whole in wholes}
    named = shown({mig: sorted(of, key=lambda one: (-of[one], one)) for mig, of in found.items()})
    return {whole.mig: _divided(whole, found[whole.mig], named[whole.mig]) for whole in wholes}


def _by_user(whole: Whole, names: Names, holders: Collection[User]) -> dict[Labels, float]:
    parts: dict[Labels, float] = {}
    for use in whole.uses:
        labels = _labels(use.of, names, holders)
        if labels is not None:
            parts[labels] = parts.get(labels, 0.0) + use.amount
    return parts


def _divided(whole: Whole, parts: Mapping[Labels, float], named: Sequence[Labels]) -> Division:
    own = {one: parts[one] for one in named}
    rest = {_REMAINDER: max(0.0, whole.amount - sum(parts.values()))}
    folded = parts.keys() - own.keys()
    if folded:
        rest[_FOLDED] = sum(parts[one] for one in folded)
    return Division(parts=own | rest, folded=len(folded))


def _labels(of: Membership, names: Names, holders: Collection[User]) -> Labels | None:
    """Return who a process is, None where it is in a pod whose name is not known."""
    user = names.user(of)
    if user is None:
        return None if of.pod else _HOST
    container = user.container or _only_container(user, holders)
    return POD, user.namespace, user.pod, container


def _only_container(user: User, holders: Collection[User]) -> str:
    there = {h.container for h in holders if (h.namespace, h.pod) == (user.namespace, user.pod)}
    return there.pop() if len(there) == 1 else ""
