"""Which of several equally healthy nodes a pod had best be put on.

One wish after the other narrows the choice: the pool that comes first, then nearness to the ranks
of its gang that have a place, then the policy's best. What is left is preferred, all else is not:
kube-scheduler takes the node with the most points, so that an order among the others would not be
seen. A policy's scores are kept for each shape of pod, and worked out anew only for nodes on which
something has changed.
"""

from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from catalog import wire
from scheduler_feedback.gang.fleet import NOWHERE, Ints
from scheduler_feedback.gang.quantities import read_request
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What matters of a pod for where it had best be put."""

    shape: Shape
    gang: str
    policy: str


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


def read_wish(
    pod: Mapping[str, Any],
    namespaces: Namespaces,
    default: str,
    names: Names,
    prefix: str = wire.PREFIX,
) -> Wish:
    """Return what a Pod object wishes for: by its own annotation, its namespace's, the setting."""
    meta = pod.get("metadata") or {}
    namespace = meta.get("namespace", "")
    gang = (meta.get("labels") or {}).get(wire.key(wire.GANG, prefix))
    own = (meta.get("annotations") or {}).get(wire.key(wire.PLACEMENT_POLICY, prefix))
    return Wish(
        shape=shape_of(read_request(pod.get("spec") or {}), names),
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

    def __init__(self, stock: Stock) -> None:
        self._stock = stock
        self._roster = stock.roster
        self._rankings: OrderedDict[tuple[str, Shape], _Ranking] = OrderedDict()

    def best(self, rows: Ints, wish: Wish) -> Ints:
        """Return where in `rows` those stand that are preferred; the roster's lock is held."""
        left: Ints = np.flatnonzero(self._roster.clean[rows])
        if len(left) < 2:  # noqa: PLR2004 - nothing to choose between
            return left
        pool = self._roster.pool[rows[left]]
        left = left[pool == pool.min()]
        members = self._stock.gang_rows(wish.gang) if wish.gang else []
        if members:
            near = self._near(rows[left], members)
            left = left[near == near.max()]
        if wish.policy != NONE and wish.shape.gpus:
            points = self._ranked(wish)[rows[left]]
            left = left[points >= points.max() - _SAME]
        return left

    def _near(self, rows: Ints, members: list[int]) -> Ints:
        """Return how near each row is to a gang's members, by the tiers that they share."""
        at = np.array(members)
        near: Ints = (rows[:, None] == at).sum(axis=1)
        for tier in range(TIERS):
            theirs = self._roster.tier[at, tier]
            domains, counts = np.unique(theirs[theirs != NOWHERE], return_counts=True)
            mine = self._roster.tier[rows, tier]
            for domain, count in zip(domains.tolist(), counts.tolist(), strict=True):
                near = near + np.where(mine == domain, count, 0)
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
