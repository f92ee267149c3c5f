"""Answers kube-scheduler: which nodes a pod may use, how they rank, where it may preempt.

A request that makes no sense gets a 400 whose body says why; kube-scheduler takes any status but
200 for an error of the extender, which `ignorable` in its configuration forgives.

While the node cache is not fresh, every node passes with the same score: kube-scheduler itself
still honours the taints, so failing open costs the grading and the reasons, never the cordon.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from catalog.scheduler import VERBS
from program.web import JSON, Request, Response
from scheduler_feedback.cache import NodeCache
from scheduler_feedback.filter import refusal_for
from scheduler_feedback.gang.fleet import Ints
from scheduler_feedback.health import Refusal
from scheduler_feedback.metrics import Metrics
from scheduler_feedback.placement.desk import Desk
from scheduler_feedback.placement.lookup import Listed, joined, split
from scheduler_feedback.protocol import (
    Ask,
    BadRequestError,
    are_plain,
    bind_result,
    error_result,
    filter_result,
    parse_names,
    preemption_result,
    priorities,
    read_ask,
    read_binding,
    read_preemption,
    string_json,
    string_of,
)
from scheduler_feedback.score import BEST, SECOND, UNSEEN
from scheduler_feedback.share.binder import Target

FILTER, PRIORITIZE, PREEMPT, BIND = VERBS

_SETTLE = 0.02
"""Seconds in which our watch may hear of a pod's end that kube-scheduler has heard of already: it
asks again at once when a pod ends, and refused then, not before minutes have passed."""

_LONG = 50
"""Nodes; a longer list of priorities is cut short."""

Bind = Callable[[Target], str]
"""Binds, and returns what went wrong; empty where nothing did."""
Refused = Callable[[Mapping[str, Any], Mapping[str, Refusal]], None]
"""Is told of a pod that no node is left for, all of them refused for their health."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """The nodes of a request, and the row of each."""

    listed: Listed
    rows: Ints
    members: int
    """As of which members of the roster the rows are."""


class Extender:
    """Answers `/filter`, `/prioritize`, `/preempt` and `/bind`."""

    def __init__(
        self,
        nodes: NodeCache,
        metrics: Metrics,
        *,
        desk: Desk | None = None,
        bind: Bind | None = None,
        refused: Refused = lambda _pod, _refused: None,
    ) -> None:
        """Answer from the cache; without a desk by health alone, without `bind` bind nothing."""
        self._nodes = nodes
        self._roster = nodes.roster
        self._metrics = metrics
        self._desk = desk
        self._do_bind = bind
        self._tell_refused = refused
        self._passed: Asked | None = None
        """What the filter passed last: kube-scheduler then asks how just these rank."""

    def filter(self, request: Request) -> Response:
        """Answer which of the nodes the pod may use."""
        return self._answer(FILTER, request, self._filter)

    def prioritize(self, request: Request) -> Response:
        """Answer how the nodes rank."""
        return self._answer(PRIORITIZE, request, self._prioritize)

    def preempt(self, request: Request) -> Response:
        """Answer on which of the nodes killing the victims would make room for the pod.

        kube-scheduler puts only those nodes to the filter that have room already. Not asked here,
        it would kill for room on a node that the filter then refuses.
        """
        return self._answer(PREEMPT, request, self._preempt)

    def bind(self, request: Request) -> Response:
        """Bind a pod with shared GPUs, and say what went wrong."""
        return self._answer(BIND, request, self._bind)

    def _answer(self, verb: str, request: Request, work: Callable[[Request], bytes]) -> Response:
        with self._metrics.timed(verb) as outcome:
            try:
                body = work(request)
            except BadRequestError as error:
                outcome.code = error.status
                body = error_result(error)
        return Response(status=outcome.code, body=body, content_type=JSON)

    def _filter(self, request: Request) -> bytes:
        ask = read_ask(request)
        if not self._checks(FILTER):
            with self._roster.lock:
                return filter_result(self._asked(ask).listed.inside)
        asked, refused, failed = self._sifted(ask)
        if failed and len(refused) + len(failed) == len(asked.rows):
            time.sleep(_SETTLE)
            asked, refused, failed = self._sifted(ask)
        dropped = sorted({*refused, *failed})
        mask = np.ones(len(asked.rows), dtype=bool)
        mask[dropped] = False
        left = replace(asked, listed=asked.listed.without(dropped), rows=asked.rows[mask])
        self._passed = left
        self._metrics.refused(refusal.condition for refusal in refused.values())
        names = asked.listed.names([*refused])
        if len(refused) == len(asked.rows):
            told = zip(map(string_of, names), refused.values(), strict=True)
            self._tell_refused(ask.pod, dict(told))
        short = asked.listed.names([*failed])
        return filter_result(
            left.listed.inside,
            zip(names, (refusal.reason for refusal in refused.values()), strict=True),
            zip(short, failed.values(), strict=True),
        )

    def _sifted(self, ask: Ask) -> tuple[Asked, dict[int, Refusal], dict[int, str]]:
        """Return the nodes asked about, and where those stand that are refused or have no room."""
        with self._roster.lock:
            asked = self._asked(ask)
            refused = self._refused(ask, asked.rows)
            return asked, refused, self._failed(ask, asked.rows, refused)

    def _asked(self, ask: Ask) -> Asked:
        """Return the nodes asked about; names that are all known need no closer look."""
        passed, roster = self._passed, self._roster
        if passed and ask.inside and passed.listed.inside == ask.inside:
            if passed.members == roster.members:
                return passed
            return replace(passed, rows=roster.find(passed.listed), members=roster.members)
        listed = split(ask.inside) if ask.inside else None
        if listed is not None:
            rows = roster.find(listed)
            if rows.min() >= 0 or are_plain(ask.inside, len(rows)):
                return Asked(listed=listed, rows=rows, members=roster.members)
        names = ask.names or parse_names(ask.inside)
        listed = joined([string_json(name)[1:-1].encode() for name in names])
        rows = roster.find(listed)
        return Asked(listed=listed, rows=rows, members=roster.members)

    def _refused(self, ask: Ask, rows: Ints) -> dict[int, Refusal]:
        """Return where in `rows` nodes stand whose health keeps the pod off."""
        names_ours = self._roster.named_by(ask.tolerations)
        found = {}
        unfit = np.flatnonzero(self._roster.unfit[rows] & (rows >= 0))
        for at, row in zip(unfit.tolist(), rows[unfit].tolist(), strict=True):
            health = self._roster.health[row]
            if health is None:
                continue
            refusal = refusal_for(ask.tolerations, health) if names_ours else health.refusals[0]
            if refusal is not None:
                found[at] = refusal
        return found

    def _failed(self, ask: Ask, rows: Ints, refused: Mapping[int, Refusal]) -> dict[int, str]:
        """Return where nodes stand that are not refused and have no room, with the reason."""
        if self._desk is None:
            return {}
        failed = self._desk.without_room(ask.pod, rows)
        return {at: reason for at, reason in failed.items() if at not in refused}

    def _prioritize(self, request: Request) -> bytes:
        ask = read_ask(request)
        with self._roster.lock:
            asked = self._asked(ask)
            if not self._checks(PRIORITIZE):
                return _told(asked, np.full(len(asked.rows), UNSEEN))
            return _told(asked, self._points(asked.rows, ask))

    def _points(self, rows: Ints, ask: Ask) -> Ints:
        """Return the score of each node: by its health, and where that is clean by the wishes."""
        points = self._roster.points[rows]
        wish = self._desk.wish(ask.pod) if self._desk else None
        if self._desk is not None and wish is not None:
            points[points == BEST] = SECOND
            points[self._desk.best(rows, wish)] = BEST
        points[rows < 0] = UNSEEN
        return points

    def _preempt(self, request: Request) -> bytes:
        asked = read_preemption(request)
        if not self._checks(PREEMPT):
            return preemption_result(asked.victims)
        with self._roster.lock:
            left = {
                name: victims
                for name, victims in asked.victims.items()
                if self._may_preempt(name, asked.pod, asked.tolerations, victims)
            }
        return preemption_result(left)

    def _may_preempt(self, name: str, pod: Any, tolerations: Any, victims: object) -> bool:
        row = self._roster.at.get(name)
        health = None if row is None else self._roster.health[row]
        if row is None or health is None:
            return True
        if refusal_for(tolerations, health) is not None:
            return False
        return self._desk is None or self._desk.frees_room(pod, row, victims)

    def _bind(self, request: Request) -> bytes:
        target = read_binding(request)
        if self._do_bind is None:
            return bind_result("binding is off: shared GPUs are not this program's to give out")
        return bind_result(self._do_bind(target))

    def _checks(self, verb: str) -> bool:
        """Whether the cache is fresh enough to answer from; counted where it is not."""
        fresh = self._nodes.fresh
        if not fresh:
            self._metrics.unchecked(verb)
        return fresh


def _told(asked: Asked, points: Ints) -> bytes:
    """Return the priorities; of a long list only those that differ, and by how much.

    kube-scheduler adds a node's score to those of its own plugins, nothing where there is none, and
    takes the node with the most: what all nodes have alike decides nothing, and to read it costs
    kube-scheduler more than anything else it asks.
    """
    common = int(np.bincount(points).argmax()) if len(points) > _LONG else 0
    told = np.flatnonzero(points != common).tolist()
    return priorities(zip(asked.listed.names(told), (points[told] - common).tolist(), strict=True))
