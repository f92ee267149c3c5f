"""The HTTP extender protocol, names only: what kube-scheduler sends and what it takes.

Requests and answers are JSON with Go's field names (k8s.io/kube-scheduler extender/v1). A request
that makes no sense gets a 400 whose body says why; kube-scheduler takes any status but 200 for an
error of the extender, which `ignorable` in its configuration forgives.

While the node cache is not fresh, every node passes with the same score: kube-scheduler itself
still honours the taints, so failing open costs the grading and the reasons, never the cordon.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from catalog.scheduler import VERBS
from program.web import JSON, Request, Response
from scheduler_feedback.cache import NodeCache, priority_json
from scheduler_feedback.filter import Sifted, sift
from scheduler_feedback.metrics import Metrics
from scheduler_feedback.score import UNSEEN
from scheduler_feedback.tolerations import Toleration, read_tolerations

FILTER, PRIORITIZE = VERBS

MAX_BODY = 8 << 20
"""Bytes of one request: 30,000 names of the longest kind and the largest pod etcd takes."""


class BadRequestError(ValueError):
    """A request is not what kube-scheduler sends; the message says what is wrong with it."""

    def __init__(self, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.status = status


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """One pod and the nodes it may go to."""

    tolerations: tuple[Toleration, ...]
    names: list[str]


def parse(request: Request) -> Ask:
    """Return what a request asks; BadRequestError where it is not an extender's ExtenderArgs."""
    if request.too_large:
        raise BadRequestError(f"request body is longer than {MAX_BODY} bytes", 413)
    try:
        document = json.loads(request.body)
    except (ValueError, RecursionError) as error:
        raise BadRequestError(f"request is not JSON: {error}") from None
    if not isinstance(document, dict):
        raise BadRequestError("request is not a JSON object")
    return Ask(tolerations=_tolerations(document.get("Pod")), names=_names(document))


def _tolerations(pod: object) -> tuple[Toleration, ...]:
    if not isinstance(pod, Mapping):
        raise BadRequestError("Pod: expected an object")
    spec = pod.get("spec") or {}
    entries = (spec.get("tolerations") or []) if isinstance(spec, Mapping) else None
    if not isinstance(entries, list) or not all(_strings(entry) for entry in entries):
        raise BadRequestError("Pod.spec.tolerations: expected a list of tolerations")
    return read_tolerations(pod)


def _strings(entry: object) -> bool:
    """Whether a toleration's fields that we read are strings, or not there."""
    fields = ("key", "operator", "value", "effect")
    return isinstance(entry, Mapping) and all(
        isinstance(entry.get(field) or "", str) for field in fields
    )


def _names(document: Mapping[str, Any]) -> list[str]:
    names = document.get("NodeNames")
    if names is None and document.get("Nodes") is not None:
        raise BadRequestError(
            "Nodes: whole nodes are not taken; set nodeCacheCapable: true for this extender"
        )
    if not isinstance(names, list) or not set(map(type, names)) <= {str}:
        raise BadRequestError("NodeNames: expected a list of strings")
    if not names:
        raise BadRequestError("NodeNames: empty, there is nothing to choose from")
    return names


class Extender:
    """Answers `/filter` and `/prioritize` from the node cache."""

    def __init__(self, nodes: NodeCache, metrics: Metrics) -> None:
        self._nodes = nodes
        self._metrics = metrics

    def filter(self, request: Request) -> Response:
        """Answer which of the nodes the pod may use."""
        with self._metrics.timed(FILTER) as outcome:
            try:
                body = self._filter(parse(request))
            except BadRequestError as error:
                outcome.code = error.status
                body = _filter_result(error=str(error))
        return Response(status=outcome.code, body=body, content_type=JSON)

    def prioritize(self, request: Request) -> Response:
        """Answer how the nodes rank."""
        with self._metrics.timed(PRIORITIZE) as outcome:
            try:
                body = self._prioritize(parse(request))
            except BadRequestError as error:
                outcome.code = error.status
                body = json.dumps({"Error": str(error)}).encode()
        return Response(status=outcome.code, body=body, content_type=JSON)

    def _filter(self, ask: Ask) -> bytes:
        if not self._nodes.fresh:
            self._metrics.unchecked(FILTER)
            return _filter_result(passed=ask.names)
        sifted = sift(ask.names, ask.tolerations, self._nodes.unfit)
        self._metrics.refused(refusal.condition for refusal in sifted.refused.values())
        return _filter_result(passed=sifted.passed, reasons=_reasons(sifted))

    def _prioritize(self, ask: Ask) -> bytes:
        known: Mapping[str, str] = {}
        if self._nodes.fresh:
            known = self._nodes.priorities
        else:
            self._metrics.unchecked(PRIORITIZE)
        entries = [known.get(name) or priority_json(name, UNSEEN) for name in ask.names]
        return f"[{','.join(entries)}]".encode()


def _reasons(sifted: Sifted) -> dict[str, str]:
    return {name: refusal.reason for name, refusal in sifted.refused.items()}


def _filter_result(
    *,
    passed: Sequence[str] | None = None,
    reasons: Mapping[str, str] | None = None,
    error: str = "",
) -> bytes:
    """Return an ExtenderFilterResult; health refusals are such that no preemption resolves."""
    result = {
        "Nodes": None,
        "NodeNames": passed,
        "FailedNodes": {},
        "FailedAndUnresolvableNodes": reasons or {},
        "Error": error,
    }
    return json.dumps(result, separators=(",", ":")).encode()
