"""How much of each device each container holds, so that the parts make the whole.

Pure. A device that its plugin shares out has several ids, one a replica: a container's part is the
share of them that it holds. An id that several containers have (a claim that pods share, a
restartable init container) is theirs in equal parts.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from exporters.allocation.device_id import DeviceId, of_claim, of_plugin
from exporters.allocation.devices import Devices, Place
from exporters.allocation.pod_logs import User
from exporters.allocation.pod_resources import Holding
from exporters.allocation.turns import shown

MOST = 1024
"""Parts of devices that are shown of a node."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shares:
    """Who holds what part of which device, and how many such were left out."""

    parts: Mapping[Place, Mapping[User, float]]
    omitted: int

    def containers(self, place: Place, namespace: str, pod: str) -> list[str]:
        """Return the containers of a pod that hold the device."""
        holders = self.parts.get(place, {})
        return [u.container for u in holders if (u.namespace, u.pod) == (namespace, pod)]


def shares(
    devices: Devices, held: Iterable[Holding], allocatable: Iterable[tuple[str, str]]
) -> Shares:
    """Return the share of each holder; `allocatable` are resources and ids."""
    holders, unknown = _holders(devices, held)
    ids: dict[Place, set[str]] = {}
    for place, text in (*_offered(devices, allocatable), *holders):
        ids.setdefault(place, set()).add(text)
    parts: dict[Place, dict[User, float]] = {}
    for (place, _), users in holders.items():
        for user, times in users.items():
            of_device = parts.setdefault(place, {})
            part = times / users.total() / len(ids[place])
            of_device[user] = of_device.get(user, 0.0) + part
    return _bounded(parts, unknown)


def _offered(
    devices: Devices, allocatable: Iterable[tuple[str, str]]
) -> Iterator[tuple[Place, str]]:
    for resource, text in allocatable:
        place = _place(devices, of_plugin(resource, text))
        if place is not None:
            yield place, text


def _holders(
    devices: Devices, held: Iterable[Holding]
) -> tuple[dict[tuple[Place, str], Counter[User]], int]:
    """Return who has each id on each device, and how many ids mean no device here."""
    holders: dict[tuple[Place, str], Counter[User]] = {}
    unknown = 0
    for one in held:
        told = (of_claim if one.claimed else of_plugin)(one.source, one.device)
        place = _place(devices, told)
        if place is None:
            unknown += 1
            continue
        user = User(namespace=one.namespace, pod=one.pod, container=one.container)
        holders.setdefault((place, one.device), Counter())[user] += 1
    return holders, unknown


def _place(devices: Devices, of: DeviceId | None) -> Place | None:
    return None if of is None else devices.place(of)


def _bounded(parts: Mapping[Place, Mapping[User, float]], omitted: int) -> Shares:
    kept: dict[Place, dict[User, float]] = {}
    left = MOST
    for place, users in _named(parts).items():
        kept[place] = {user: parts[place][user] for user in users[:left]}
        left -= len(kept[place])
        omitted += len(parts[place]) - len(kept[place])
    return Shares(parts=kept, omitted=omitted)


def _named(parts: Mapping[Place, Mapping[User, float]]) -> Mapping[Place, Sequence[User]]:
    """Return who is shown of each device, in an order of their own: the same ones each time."""
    gpus: dict[str, dict[Place, list[User]]] = {}
    for place in sorted(parts):
        users = sorted(parts[place], key=lambda u: (u.namespace, u.pod, u.container))
        gpus.setdefault(place.uuid or place.mig, {})[place] = users
    return {place: users for gpu in gpus.values() for place, users in shown(gpu).items()}
