"""What the extender asks beyond health: is there room in shared GPUs, and which nodes are best.

Answers nothing, and so changes nothing, while what pods have taken is not known.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from catalog import wire
from scheduler_feedback.gang.fleet import Ints
from scheduler_feedback.placement.prefer import Namespaces, Preference, Wish, read_wish
from scheduler_feedback.placement.stock import Stock
from scheduler_feedback.share.gpus import choose, left
from scheduler_feedback.share.names import Ask, AskError, Names, read_ask

NO_ROOM = "railwatch: no GPU has room for the share"
MALFORMED = "railwatch: more than one GPU cannot be shared"
"""What kube-scheduler is told of nodes without room in their GPUs: bounded, as it sums them up."""


class Desk:
    """Answers from the stock."""

    def __init__(  # noqa: PLR0913 - what it needs, half by keyword
        self,
        stock: Stock,
        namespaces: Namespaces,
        names: Names,
        *,
        policy: str,
        prefers: bool = True,
        alignment: float = 1.0,
        prefix: str = wire.PREFIX,
    ) -> None:
        """Answer; `policy` holds where neither pod nor namespace names one.

        Without `prefers` all nodes with room are equally good.
        """
        self._prefers = prefers
        self._stock = stock
        self._roster = stock.roster
        self._namespaces = namespaces
        self._names = names
        self._policy = policy
        self._prefix = prefix
        self._preference = Preference(stock, alignment)

    def wish(self, pod: Mapping[str, Any]) -> Wish | None:
        """Return what a pod wishes for; None where that cannot be weighed now."""
        if not (self._prefers and self._stock.fresh):
            return None
        rdma = self._roster.alignment.rdma
        return read_wish(pod, self._namespaces, self._policy, self._names, self._prefix, rdma=rdma)

    def best(self, rows: Ints, wish: Wish) -> Ints:
        """Return where in `rows` the preferred nodes stand; the roster's lock is held."""
        return self._preference.best(rows, wish)

    def narrowed(self, rows: Ints, wish: Wish) -> Iterator[tuple[str, Ints]]:
        """Yield, wish by wish, which it is and what it leaves; the roster's lock is held."""
        return self._preference.narrowed(rows, wish)

    def without_room(self, pod: Mapping[str, Any], rows: Ints) -> dict[int, str]:
        """Return where in `rows` nodes stand whose shared GPUs have no room, and the reason."""
        try:
            ask = read_ask(pod.get("spec") or {}, self._names)
        except AskError:
            return dict.fromkeys(range(len(rows)), MALFORMED)
        if ask is None or not self._stock.fresh:
            return {}
        free = self._stock.free()
        fits = (free.gpu[rows] >= ask.milli) & (free.mib[rows] >= ask.memory)
        full = (fits.sum(axis=1) < ask.gpus) & (rows >= 0)
        return dict.fromkeys(np.flatnonzero(full).tolist(), NO_ROOM)

    def frees_room(self, pod: Mapping[str, Any], row: int, victims: object) -> bool:
        """Whether a pod has room in a node's shared GPUs once the victims are gone."""
        try:
            ask = read_ask(pod.get("spec") or {}, self._names)
        except AskError:
            return False
        if ask is None or not self._stock.fresh:
            return True
        return self._fits_without(ask, row, _uids(victims))

    def _fits_without(self, ask: Ask, row: int, gone: frozenset[str]) -> bool:
        health = self._roster.health[row]
        uses = self._stock.uses(health.name, gone) if health else []
        room = left(self._roster.size[row], uses, self._roster.faulty[row])
        return bool(choose(room, ask))


def _uids(victims: object) -> frozenset[str]:
    pods = victims.get("Pods") if isinstance(victims, Mapping) else None
    entries = pods if isinstance(pods, list) else []
    return frozenset(str(p.get("UID", "")) for p in entries if isinstance(p, Mapping))
