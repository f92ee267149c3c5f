"""How near a NIC is to a GPU, and what the narrowest link between them carries."""

from collections.abc import Iterable
from dataclasses import dataclass

from catalog.topology import AFFINITIES, NODE, PHB, PIX, PXB, SYS, UNKNOWN
from exporters.topology.pci import Function, Link, Tree

_FLAT = (
    "all GPUs and NICs stand on one PCI root bus: a hypervisor hides how they are really connected"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Narrowest:
    """The link that limits a path."""

    address: str
    """The function whose link it is."""
    link: Link


@dataclass(frozen=True, slots=True, kw_only=True)
class Affinity:
    """How a GPU and a NIC are connected."""

    gpu: str
    nic: str
    kind: str
    """One of AFFINITIES, or unknown."""
    reason: str = ""
    """Why it is unknown."""
    redirected: bool = False
    """Whether a switch on the way sends it up to the root (ACS)."""
    narrowest: Narrowest | None = None

    @property
    def distance(self) -> int:
        """The smaller the nearer; what is unknown is farthest."""
        return AFFINITIES.index(self.kind) if self.kind in AFFINITIES else len(AFFINITIES)


def affinities(tree: Tree) -> list[Affinity]:
    """Return each GPU with each NIC."""
    flat = is_flat(tree)
    return [_affinity(tree, gpu, nic, flat=flat) for gpu in tree.gpus for nic in tree.nics]


def is_flat(tree: Tree) -> bool:
    """Whether nothing tells the places of GPUs and NICs apart: one root bus, no bridge."""
    ends = [*tree.gpus, *tree.nics]
    one_bus = len({end.root for end in ends}) == 1
    return one_bus and bool(tree.gpus) and not any(end.above for end in ends)


def nearest(found: Iterable[Affinity]) -> list[Affinity]:
    """Return of each GPU the NICs that none is nearer to it than; none where nothing is known."""
    by_gpu: dict[str, list[Affinity]] = {}
    for one in found:
        if one.kind != UNKNOWN:
            by_gpu.setdefault(one.gpu, []).append(one)
    best = {gpu: min(one.distance for one in of) for gpu, of in by_gpu.items()}
    return [one for gpu, of in by_gpu.items() for one in of if one.distance == best[gpu]]


def _affinity(tree: Tree, gpu: Function, nic: Function, *, flat: bool) -> Affinity:
    kind, reason = _kind(tree, gpu, nic, flat=flat)
    shared = _shared(gpu, nic)
    own = [*gpu.above[shared:], gpu.address, *nic.above[shared:], nic.address]
    redirected = kind in (PIX, PXB) and any(_redirects(tree, address) for address in own)
    path = [*gpu.above[:shared], *own] if redirected else own
    return Affinity(
        gpu=gpu.address,
        nic=nic.address,
        kind=kind,
        reason=reason,
        redirected=redirected,
        narrowest=_narrowest(tree, path) if kind != UNKNOWN else None,
    )


def _shared(gpu: Function, nic: Function) -> int:
    """Return how many bridges, from the root port on, are above both."""
    if gpu.root != nic.root:
        return 0
    pairs = zip(gpu.above, nic.above, strict=False)
    return next(
        (i for i, (a, b) in enumerate(pairs) if a != b), min(len(gpu.above), len(nic.above))
    )


def _kind(tree: Tree, gpu: Function, nic: Function, *, flat: bool) -> tuple[str, str]:
    for end in (gpu, nic):
        if not end.root:
            return UNKNOWN, f"the place of {end.address} on the bus cannot be read"
    if flat:
        return UNKNOWN, _FLAT
    if shared := _shared(gpu, nic):
        longest = max(len(gpu.above), len(nic.above)) - shared
        return (PIX if longest <= 1 else PXB), ""
    return (PHB, "") if gpu.root == nic.root else _between_bridges(tree, gpu, nic)


def _between_bridges(tree: Tree, gpu: Function, nic: Function) -> tuple[str, str]:
    if tree.numa_nodes == 1:
        return NODE, ""
    for end in (gpu, nic):
        if end.numa_node is None:
            return UNKNOWN, f"the NUMA node of {end.address} is not known"
    return (NODE if gpu.numa_node == nic.numa_node else SYS), ""


def _redirects(tree: Tree, address: str) -> bool:
    function = tree.functions.get(address)
    return bool(function and function.acs_redirects)


def _narrowest(tree: Tree, path: Iterable[str]) -> Narrowest | None:
    """Return the narrowest link of a path; of two alike the first, which is nearer the GPU's root.

    Both ends of a link are on the path, so that what one end cannot do counts.
    """
    known = [
        Narrowest(address=address, link=function.link)
        for address in path
        if (function := tree.functions.get(address)) and function.link
    ]
    return min(known, key=lambda one: one.link.bytes_per_second, default=None)
