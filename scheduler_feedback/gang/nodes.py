"""Nodes as the gang planner sees them, and which of them a gang may use at all."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from catalog import wire
from program.selectors import node_meets
from scheduler_feedback.gang.fleet import NOWHERE, Fleet, Ints
from scheduler_feedback.gang.pods import HOSTNAME, Claim, Member
from scheduler_feedback.gang.quantities import read_amounts
from scheduler_feedback.health import NodeHealth, assess
from scheduler_feedback.pools import MOST_POOLS, Pools
from scheduler_feedback.score import BEST, score
from scheduler_feedback.tolerations import NO_EXECUTE, NO_SCHEDULE, Taint, read_taints, tolerated

_UNSCHEDULABLE = Taint(key="node.kubernetes.io/unschedulable", value="", effect=NO_SCHEDULE)
_MOST_TIERS = 8
_FOREIGN_TIERS = (
    tuple(f"fabric.topograph.run/tier-{n}" for n in range(_MOST_TIERS)),
    tuple(
        f"network.topology.nvidia.com/{name}" for name in ("accelerator", "leaf", "spine", "core")
    ),
)
"""Topograph's labels, nearest the node first, and those that it set before."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Host:
    """One node."""

    name: str
    hostname: str
    """What a pod is pinned by; empty where the node has no such label, and then it is not used."""
    allocatable: Mapping[str, int]
    tiers: tuple[str, ...]
    """Its domain of each tier, nearest first; empty where it does not say."""
    labels: Mapping[str, str]
    taints: tuple[Taint, ...]
    health: NodeHealth
    pool: int = 0
    """How many pools come before its own."""


def read_host(
    node: Mapping[str, Any], prefix: str = wire.PREFIX, pools: Pools | None = None
) -> Host:
    """Return what matters of a Node object."""
    labels = node["metadata"].get("labels") or {}
    taints = [t for t in read_taints(node) if t.effect in (NO_SCHEDULE, NO_EXECUTE)]
    if (node.get("spec") or {}).get("unschedulable") and _UNSCHEDULABLE not in taints:
        taints.append(_UNSCHEDULABLE)
    return Host(
        name=node["metadata"]["name"],
        hostname=labels.get(HOSTNAME, ""),
        allocatable=read_amounts((node.get("status") or {}).get("allocatable")),
        tiers=read_tiers(labels, prefix),
        labels=labels,
        taints=tuple(taints),
        health=assess(node, prefix),
        pool=pools.rank(labels) if pools is not None else 0,
    )


def read_tiers(labels: Mapping[str, str], prefix: str) -> tuple[str, ...]:
    """Return a node's domain of each tier, nearest first; empty where its labels do not say."""
    return own_tiers(labels, prefix) or foreign_tiers(labels)


def own_tiers(labels: Mapping[str, str], prefix: str) -> tuple[str, ...]:
    """Return what the labels under our own prefix say."""
    return _told(labels, [wire.topology_key(f"{wire.TIER}{n}", prefix) for n in range(_MOST_TIERS)])


def foreign_tiers(labels: Mapping[str, str]) -> tuple[str, ...]:
    """Return what the labels of others say."""
    return next(filter(None, (_told(labels, keys) for keys in _FOREIGN_TIERS)), ())


def _told(labels: Mapping[str, str], keys: Sequence[str]) -> tuple[str, ...]:
    found = [labels.get(key, "") for key in keys]
    while found and not found[-1]:
        found.pop()
    return tuple(found)


def build_fleet(hosts: Sequence[Host], claims: Iterable[Claim]) -> Fleet:
    """Return the fleet with what the claims leave free; rows in the order of the hosts."""
    rows = {host.name: row for row, host in enumerate(hosts)}
    resources = tuple(sorted({name for host in hosts for name in host.allocatable}))
    columns = {name: column for column, name in enumerate(resources)}
    free = np.zeros((len(hosts), len(resources)), dtype=np.int64)
    for row, host in enumerate(hosts):
        for name, amount in host.allocatable.items():
            free[row, columns[name]] = amount
    for claim in claims:
        at = rows.get(claim.node)
        if at is None:
            continue
        for name, amount in {"pods": 1, **claim.request}.items():
            if name in columns:
                free[at, columns[name]] -= amount
    depth = max((len(host.tiers) for host in hosts), default=0)
    tiers = [_domains(hosts, tier) for tier in range(depth)]
    return Fleet(
        names=tuple(host.name for host in hosts),
        resources=resources,
        free=free,
        tiers=tuple(of for of, _ in tiers),
        domains=tuple(names for _, names in tiers),
        penalty=np.array([_penalty(host) for host in hosts], dtype=np.int64),
    )


def _penalty(host: Host) -> int:
    """Return what is against a node: its health, and among equally healthy ones its pool."""
    return (BEST - score(host.health.grade)) * MOST_POOLS + host.pool


def _domains(hosts: Sequence[Host], tier: int) -> tuple[Ints, tuple[str, ...]]:
    """Return each host's domain of a tier; domains of one name under different parents differ."""
    told = [
        host.tiers[tier:] if len(host.tiers) > tier and host.tiers[tier] else None for host in hosts
    ]
    names = sorted({t for t in told if t is not None})
    number = {name: n for n, name in enumerate(names)}
    of = np.array([NOWHERE if t is None else number[t] for t in told], dtype=np.int64)
    return of, tuple(name[0] for name in names)


def in_order(hosts: Iterable[Host]) -> list[Host]:
    """Return the hosts so that neighbours in the network are neighbours in the list."""
    return sorted(hosts, key=lambda host: (host.tiers[::-1], host.name))


class Barred:
    """Which nodes pods may not be put on, worked out once for pods that ask alike."""

    def __init__(self, hosts: Sequence[Host]) -> None:
        self._hosts = hosts
        self._known: dict[object, Ints] = {}

    def of(self, member: Member) -> Ints:
        """Return the rows of the nodes that a pod may not be put on, room aside."""
        asks = (
            member.tolerations,
            tuple(sorted(member.selector.items())),
            json.dumps(member.affinity, sort_keys=True),
        )
        if asks not in self._known:
            rows = [row for row, host in enumerate(self._hosts) if not admits(host, member)]
            self._known[asks] = np.array(rows, dtype=np.int64)
        return self._known[asks]


def admits(host: Host, member: Member) -> bool:
    """Whether a pod may be put on a node, room aside."""
    if not host.hostname:
        return False
    if any(not tolerated(taint, member.tolerations) for taint in host.taints):
        return False
    if any(not tolerated(r.taint, member.tolerations) for r in host.health.refusals):
        return False
    if any(host.labels.get(key) != value for key, value in member.selector.items()):
        return False
    return not member.affinity or any(
        node_meets(term, host.name, host.labels, unknown=False) for term in member.affinity
    )
