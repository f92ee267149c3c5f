"""Which of several equally healthy nodes a pod had best be put on.

One wish after the other narrows the choice: the pool that comes first, then nearness to the ranks
of its gang that have a place, then how near GPUs and NICs are to each other, where both are asked
for, then the policy's best. What is left is preferred, all else is not:
kube-scheduler takes the node with the most points, so that an order among the others would not be
seen. A policy's scores are kept for each shape of pod, and worked out anew only for nodes on which
something has changed.
"""

from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from catalog import wire
from scheduler_feedback.gang.fleet import NOWHERE, Ints
from scheduler_feedback.gang.quantities import read_request
from scheduler_feedback.placement.alignment import RDMA, nics_of
from scheduler_feedback.placement.capacity import Floats, Rows, Shape
from scheduler_feedback.placement.fragmentation import Likely
from scheduler_feedback.placement.policies import Offer, Policy, fragmentation_aware, spread
from scheduler_feedback.placement.roster import TIERS
from scheduler_feedback.placement.stock import Stock, shape_of
from scheduler_feedback.settings import POLICIES
from scheduler_feedback.share.names import Names

BINPACK, SPREAD, FRAGMENTATION, NONE = POLICIES
_KEPT = 32
"""Shapes of pods whose scores are kept."""
_SAME = 1e-9
POOL, NEAR, ALIGNED, POLICY = "pool", "near", "aligned", "policy"
"""The wishes, in the order in which they narrow the choice."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What matters of a pod for where it had best be put."""

    shape: Shape
    gang: str
    policy: str
    nics: int = 0
    """RDMA devices that it asks for."""


class Namespaces:
    """A Store of namespaces: the policy that each asks for."""

    def __init__(self, prefix: str = wire.PREFIX) -> None:
        self._key = wire.key(wire.PLACEMENT_POLICY, prefix)
        self._policies: dict[str, str] = {}

    def replace(self, namespaces: Any) -> None:
        """Take a complete list for the whole truth."""
        fresh: dict[str, str] = {}
        for each in namespaces:
            _note(fresh, each, self._key)
        self._policies = fresh

    def put(self, namespace: Mapping[str, Any]) -> None:
        """Take one that was added or modified."""
        self._policies.pop(namespace["metadata"]["name"], None)
        _note(self._policies, namespace, self._key)

    def drop(self, namespace: Mapping[str, Any]) -> None:
        """Take note that one was deleted."""
        self._policies.pop(namespace["metadata"]["name"], None)

    def vouch(self) -> None:
        """Nothing here grows too old: a policy of an hour ago is better than none."""

    def policy(self, namespace: str) -> str:
        """Return what a namespace asks for; empty where it asks for nothing that we know."""
        return self._policies.get(namespace, "")


def _note(policies: dict[str, str], namespace: Mapping[str, Any], key: str) -> None:
    meta = namespace["metadata"]
    policy = (meta.get("annotations") or {}).get(key, "")
    if policy in POLICIES:
        policies[meta["name"]] = policy


def read_wish(  # noqa: PLR0913 - what it needs
    pod: Mapping[str, Any],
    namespaces: Namespaces,
    default: str,
    names: Names,
    prefix: str = wire.PREFIX,
    *,
    rdma: Sequence[str] = RDMA,
) -> Wish:
    """Return what a Pod object wishes for: by its own annotation, its namespace's, the setting."""
    meta, request = pod.get("metadata") or {}, read_request(pod.get("spec") or {})
    namespace = meta.get("namespace", "")
    gang = (meta.get("labels") or {}).get(wire.key(wire.GANG, prefix))
    own = (meta.get("annotations") or {}).get(wire.key(wire.PLACEMENT_POLICY, prefix))
    return Wish(
        shape=shape_of(request, names),
        nics=nics_of(request, rdma),
        gang=f"{namespace}/{gang}" if gang else "",
        policy=own if own in POLICIES else namespaces.policy(namespace) or default,
    )


@dataclass(slots=True, kw_only=True)
class _Ranking:
    """A policy's score of every row, as of a version of the roster."""

    policy: Policy
    likely: Likely | None
    """What it was learnt from."""
    score: Floats
    version: int = 0


class Preference:
    """Chooses among nodes that are equally healthy."""

    def __init__(self, stock: Stock, alignment: float = 1.0) -> None:
        """Choose; of the best alignment's points a node may lack 1 less the weight `alignment`."""
        self._stock = stock
        self._weight = alignment
        self._roster = stock.roster
        self._rankings: OrderedDict[tuple[str, Shape], _Ranking] = OrderedDict()

    def best(self, rows: Ints, wish: Wish) -> Ints:
        """Return where in `rows` those stand that are preferred; the roster's lock is held."""
        left: Ints = np.flatnonzero(self._roster.clean[rows])
        for _, left in self.narrowed(rows, wish):  # noqa: B007 - what the last wish leaves
            pass
        return left

    def narrowed(self, rows: Ints, wish: Wish) -> Iterator[tuple[str, Ints]]:
        """Yield, wish by wish, which it is and what it leaves; the roster's lock is held."""
        left: Ints = np.flatnonzero(self._roster.clean[rows])
        if len(left) < 2:  # noqa: PLR2004 - nothing to choose between
            return
        pool = self._roster.pool[rows[left]]
        left = left[pool == pool.min()]
        yield POOL, left
        members = self._stock.gang_rows(wish.gang) if wish.gang else []
        if members:
            near = self._near(rows[left], members)
            left = left[near == near.max()]
            yield NEAR, left
        if wish.nics and wish.shape.gpus and self._weight:
            asked = wish.shape.gpus, wish.nics
            left = left[self._roster.alignment.preferred(rows[left], *asked, self._weight)]
            yield ALIGNED, left
        if wish.policy != NONE and wish.shape.gpus:
            points = self._ranked(wish)[rows[left]]
            yield POLICY, left[points >= points.max() - _SAME]

    def _near(self, rows: Ints, members: list[int]) -> Ints:
        """Return how near each row is to a gang's members, by the tiers that they share."""
        at = np.array(members)
        near: Ints = np.bincount(at, minlength=self._roster.capacity)[rows]
        for tier in range(TIERS):
            theirs = self._roster.tier[at, tier]
            theirs = theirs[theirs != NOWHERE]
            if len(theirs):
                mine = self._roster.tier[rows, tier]
                known = max(int(mine.max()), int(theirs.max())) + 1
                near = near + np.bincount(theirs, minlength=known + 1)[mine]  # NOWHERE: the last, 0
        return near

    def _ranked(self, wish: Wish) -> Floats:
        key = (wish.policy, wish.shape)
        free = self._stock.free()
        ranking = self._rankings.get(key)
        likely = self._stock.likely if wish.policy == FRAGMENTATION else None
        grown = ranking is not None and len(ranking.score) < self._roster.capacity
        if ranking is None or grown or ranking.likely is not likely:
            policy = _policy(wish.policy, likely)
            ranking = _Ranking(policy=policy, likely=likely, score=np.zeros(len(free.cpu)))
            self._rankings[key] = ranking
        self._rankings.move_to_end(key)
        while len(self._rankings) > _KEPT:
            self._rankings.popitem(last=False)
        changed = np.flatnonzero(self._roster.changed > ranking.version)
        if len(changed):
            ranking.score[changed] = ranking.policy(free.pick(changed), wish.shape).score
            ranking.version = self._roster.version
        return ranking.score


def _policy(name: str, likely: Likely | None) -> Policy:
    if name == SPREAD:
        return spread
    return _pack if name == BINPACK or likely is None else _measured(fragmentation_aware(likely))


def _measured(policy: Policy) -> Policy:
    """Return a policy under which nodes without room come last."""

    def offer(rows: Rows, shape: Shape) -> Offer:
        with np.errstate(invalid="ignore"):
            made = policy(rows, shape)
        return Offer(score=np.nan_to_num(made.score, nan=-np.inf), gpu=made.gpu)

    return offer


def _pack(rows: Rows, shape: Shape) -> Offer:
    """Prefer where the least is left."""
    offer = spread(rows, shape)
    return Offer(score=-offer.score, gpu=offer.gpu)
