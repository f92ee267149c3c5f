"""Answers kube-scheduler: which nodes a pod may use, how they rank, where it may preempt.

A request that makes no sense gets a 400 whose body says why; kube-scheduler takes any status but
200 for an error of the extender, which `ignorable` in its configuration forgives.

While the node cache is not fresh, every node passes with the same score: kube-scheduler itself
still honours the taints, so failing open costs the grading and the reasons, never the cordon.
"""

from collections.abc import Callable, Mapping

from catalog.scheduler import VERBS
from program.web import JSON, Request, Response
from scheduler_feedback.cache import NodeCache
from scheduler_feedback.filter import Sifted, sift
from scheduler_feedback.metrics import Metrics
from scheduler_feedback.protocol import (
    BadRequestError,
    Plain,
    error_result,
    filter_result,
    preemption_result,
    priority_json,
    read_ask,
    read_preemption,
    write_plain,
)
from scheduler_feedback.score import UNSEEN

FILTER, PRIORITIZE, PREEMPT = VERBS


class Extender:
    """Answers `/filter`, `/prioritize` and `/preempt` from the node cache."""

    def __init__(self, nodes: NodeCache, metrics: Metrics) -> None:
        self._nodes = nodes
        self._metrics = metrics
        self._passed: Plain | None = None
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
        sifted = Sifted(passed=ask.names, refused={})
        if self._checks(FILTER):
            sifted = sift(ask.names, ask.tolerations, self._nodes.unfit)
        self._metrics.refused(refusal.condition for refusal in sifted.refused.values())
        if not ask.plain:
            return filter_result(sifted.passed, _reasons(sifted))
        passed = self._passed = write_plain(sifted.passed)
        return filter_result(passed, _reasons(sifted))

    def _prioritize(self, request: Request) -> bytes:
        names = read_ask(request, self._passed).names
        known: Mapping[str, str] = self._nodes.priorities if self._checks(PRIORITIZE) else {}
        entries = [*filter(None, map(known.get, names))]
        if len(entries) < len(names):
            entries = [known.get(name) or priority_json(name, UNSEEN) for name in names]
        return f"[{','.join(entries)}]".encode()

    def _preempt(self, request: Request) -> bytes:
        asked = read_preemption(request)
        if not self._checks(PREEMPT):
            return preemption_result(asked.victims)
        sifted = sift(list(asked.victims), asked.tolerations, self._nodes.unfit)
        return preemption_result({name: asked.victims[name] for name in sifted.passed})

    def _checks(self, verb: str) -> bool:
        """Whether the cache is fresh enough to answer from; counted where it is not."""
        fresh = self._nodes.fresh
        if not fresh:
            self._metrics.unchecked(verb)
        return fresh


def _reasons(sifted: Sifted) -> dict[str, str]:
    return {name: refusal.reason for name, refusal in sifted.refused.items()}
