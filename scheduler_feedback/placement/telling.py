"""What a pod would be given beyond sound hardware, and why: the extender's answer, spelt out."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from catalog.wire import PREFIX
from scheduler_feedback.gang.fleet import Ints
from scheduler_feedback.health import assess
from scheduler_feedback.placement.desk import Desk
from scheduler_feedback.placement.prefer import ALIGNED, NEAR, POLICY, POOL, Namespaces
from scheduler_feedback.placement.roster import Roster
from scheduler_feedback.placement.stock import Stock
from scheduler_feedback.pools import Pools
from scheduler_feedback.share.names import Ask, AskError, Names, read_ask

MOST_NODES = 8
"""Nodes that are named."""

_SAID = {
    POOL: "in the first pool among them",
    NEAR: "nearest to its gang's ranks",
    ALIGNED: "with GPUs and NICs near each other",
}

Object = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """The cluster's objects, of one moment."""

    nodes: Sequence[Object]
    pods: Iterable[Object]
    namespaces: Iterable[Object]


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """How the daemon was told to choose."""

    policy: str
    pools: Pools = field(default_factory=Pools)
    names: Names = field(default_factory=Names)
    prefix: str = PREFIX


def tell(pod: Object, known: Known, terms: Terms) -> tuple[str, ...]:
    """Return it in a few lines; none where the pod wishes for nothing."""
    roster = Roster(
        terms.names, prefix=terms.prefix, pool_label=terms.pools.label, pools=terms.pools.order
    )
    for node in known.nodes:
        roster.put(node, assess(node, terms.prefix))
    stock = Stock(roster, terms.names, stale_after=3600, prefix=terms.prefix)
    uid = pod["metadata"].get("uid")
    stock.replace(each for each in known.pods if each["metadata"]["uid"] != uid)
    namespaces = Namespaces(terms.prefix)
    namespaces.replace(known.namespaces)
    desk = Desk(stock, namespaces, terms.names, policy=terms.policy, prefix=terms.prefix)
    rows = np.array(sorted(roster.at.values()), dtype=np.int64)
    if not len(rows):
        return ()
    with roster.lock:
        return (*_shares(pod, desk, roster, rows, terms), *_wishes(pod, desk, roster, rows))


def _shares(pod: Object, desk: Desk, roster: Roster, rows: Ints, terms: Terms) -> Sequence[str]:
    try:
        ask = read_ask(pod.get("spec") or {}, terms.names)
    except AskError as error:
        return (f"shares: {error}",)
    if ask is None:
        return ()
    full = desk.without_room(pod, rows)
    left = [at for at in range(len(rows)) if at not in full and roster.shares[rows[at]]]
    return (f"shares: {_asked(ask)}: room on {_named(roster, rows, left)}",)


def _asked(ask: Ask) -> str:
    each = f"{ask.milli} thousandths and {ask.memory} MiB of {ask.gpus} GPU"
    return f"{each}s" if ask.gpus > 1 else each


def _wishes(pod: Object, desk: Desk, roster: Roster, rows: Ints) -> Sequence[str]:
    wish = desk.wish(pod)
    if wish is None:
        return ()
    lines = []
    left = np.flatnonzero(roster.clean[rows])
    before = len(left)
    for kind, left in desk.narrowed(rows, wish):
        said = _SAID.get(kind, f"best by the policy {wish.policy}")
        if kind == POLICY or len(left) < before:
            lines.append(f"  {said}: {len(left)} of {before}")
        before = len(left)
    if not lines:
        return ()
    return (*("preferred among the clean nodes:", *lines), f"  left: {_named(roster, rows, left)}")


def _named(roster: Roster, rows: Ints, at: Iterable[int]) -> str:
    found = [roster.health[row] for row in rows[list(at)].tolist()]
    names = sorted(health.name for health in found if health is not None)
    more = len(names) - MOST_NODES
    return ", ".join(names[:MOST_NODES]) + (f" and {more} more" if more > 0 else "") or "no node"
