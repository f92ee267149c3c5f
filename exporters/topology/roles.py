"""What each NIC is for: compute, storage or management; and what its owner says, which wins."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from typing import Any

from catalog.topology import COMPUTE, MANAGEMENT, PHB, PIX, PXB, ROLES, STORAGE, UNKNOWN
from exporters.errors import Absent, Unreadable
from exporters.files import read
from exporters.topology.affinity import Affinity
from exporters.topology.nics import Nic

_BEHIND_A_SWITCH = (PIX, PXB)


@dataclass(frozen=True, slots=True, kw_only=True)
class Declared:
    """What --topology.roles-file says."""

    roles: tuple[tuple[str, str], ...] = ()
    """Pattern of a device, network interface or PCI address, and its role; the first that fits."""
    leaves: dict[int, str] = field(default_factory=dict)
    """The leaf that each rail should reach."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Role:
    """What a NIC is for, and how that is known."""

    role: str
    reason: str


def read_declared(path: str) -> Declared:
    """Return what the file says, nothing where none is named; Unreadable names what is wrong."""
    if not path:
        return Declared()
    from exporters import plain_yaml  # noqa: PLC0415 - its memory is for those who name a file

    try:
        said = plain_yaml.load(read(path))
    except Absent as error:
        raise Unreadable(str(error)) from None
    except ValueError as error:
        raise Unreadable(f"{path}: no YAML: {error}") from None
    return _declared({} if said is None else said, path)


def _declared(said: Any, path: str) -> Declared:
    if not isinstance(said, dict) or said.keys() - {"roles", "leaves"}:
        raise Unreadable(f"{path}: expected nothing but roles and leaves")
    roles, leaves = said.get("roles") or {}, said.get("leaves") or {}
    for name, part in (("roles", roles), ("leaves", leaves)):
        if not isinstance(part, dict):
            raise Unreadable(f"{path}: {name}: expected a mapping")
    for pattern, role in roles.items():
        if role not in ROLES:
            raise Unreadable(f"{path}: roles: {pattern}: {role!r} is none of {', '.join(ROLES)}")
    for rail, leaf in leaves.items():
        if not isinstance(rail, int) or isinstance(rail, bool) or not isinstance(leaf, str):
            raise Unreadable(f"{path}: leaves: {rail}: expected a rail's number and a leaf's name")
    return Declared(roles=tuple((str(k), v) for k, v in roles.items()), leaves=dict(leaves))


def roles(
    nics: Iterable[Nic],
    found: Iterable[Affinity],
    routes: frozenset[str] | None,
    declared: Declared,
) -> dict[str, Role]:
    """Return each NIC's role by its name."""
    every = list(nics)
    rules = _Rules(every, list(found), routes)
    return {nic.name: _declared_role(nic, declared) or rules.role(nic) for nic in every}


def _declared_role(nic: Nic, declared: Declared) -> Role | None:
    names = {nic.address, *nic.uppers, *(port.device for port in nic.ports)} - {""}
    for pattern, role in declared.roles:
        if any(fnmatchcase(name, pattern) for name in names):
            return Role(role=role, reason=f"declared for {pattern}")
    return None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Compute:
    """The compute NICs, by name, and why these."""

    names: frozenset[str] = frozenset()
    reason: str = ""


class _Rules:
    """The rules, the strongest first; each gives its reason."""

    def __init__(
        self, nics: list[Nic], found: list[Affinity], routes: frozenset[str] | None
    ) -> None:
        self._rdma = [nic for nic in nics if nic.rdma]
        self._found = found
        self._gpus = {one.gpu for one in found}
        self._routes = routes or frozenset()
        self._compute = self._unrouted(
            self._behind_switches() or self._on_bridges() or self._fast()
        )

    def role(self, nic: Nic) -> Role:
        carried = sorted(nic.uppers & self._routes)
        if nic.name in self._compute.names:
            also = f"; {carried[0]} carries the default route, too" if carried else ""
            return Role(role=COMPUTE, reason=self._compute.reason + also)
        if carried:
            return Role(role=MANAGEMENT, reason=f"{carried[0]} carries the default route")
        if not nic.rdma:
            return self._bonded(nic)
        if not self._compute.names:
            reason = "no RDMA NIC is near a GPU, nor are the fastest as many as GPUs"
            return Role(role=UNKNOWN, reason=reason)
        return Role(role=STORAGE, reason="RDMA, and none of the compute NICs")

    def _bonded(self, nic: Nic) -> Role:
        """Return the role of the RDMA NIC that a bond makes one with this."""
        for other in self._rdma:
            if shared := sorted(nic.uppers & other.uppers):
                reason = f"{shared[0]} joins it with {other.name}"
                return Role(role=self.role(other).role, reason=reason)
        return Role(role=UNKNOWN, reason="neither RDMA nor a default route tells its use")

    def _behind_switches(self) -> _Compute | None:
        near = {one.nic for one in self._found if one.kind in _BEHIND_A_SWITCH}
        names = frozenset(nic.name for nic in self._rdma if nic.address in near)
        return _Compute(names=names, reason="RDMA, behind a GPU's PCIe switch") if names else None

    def _on_bridges(self) -> _Compute | None:
        """Take those on the GPUs' host bridges, if that leaves no GPU without one."""
        fastest = {nic.address: nic.name for nic in self._fastest()}
        near = [one for one in self._found if one.kind == PHB and one.nic in fastest]
        if not near or {one.gpu for one in near} != self._gpus:
            return None
        names = frozenset(fastest[one.nic] for one in near)
        return _Compute(names=names, reason="one of the fastest RDMA NICs, on a GPU's host bridge")

    def _fast(self) -> _Compute:
        """Tell the compute NICs of a node whose PCI tree does not: as many as GPUs, and fastest."""
        names = frozenset(nic.name for nic in self._fastest())
        if not (self._gpus and names and len(names) % len(self._gpus) == 0):
            return _Compute()
        reason = f"one of {len(names)} fastest RDMA NICs, for {len(self._gpus)} GPUs"
        return _Compute(names=names, reason=reason)

    def _fastest(self) -> list[Nic]:
        top = max((nic.bytes_per_second for nic in self._rdma), default=0.0)
        return [nic for nic in self._rdma if nic.bytes_per_second == top > 0]

    def _unrouted(self, compute: _Compute) -> _Compute:
        """Leave out those with a default route, unless only with them GPUs have NICs alike.

        In a cloud, the first of the compute NICs is often the machine's own way out as well.
        """
        routed = {nic.name for nic in self._rdma if nic.uppers & self._routes}
        rest = compute.names - routed
        if self._is_even(len(compute.names)) and not self._is_even(len(rest)):
            return compute
        return replace(compute, names=rest)

    def _is_even(self, nics: int) -> bool:
        gpus = len(self._gpus)
        return bool(nics and gpus) and (nics % gpus == 0 or gpus % nics == 0)
