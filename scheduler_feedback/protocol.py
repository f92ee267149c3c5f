"""The HTTP extender protocol as JSON: what kube-scheduler sends, and what it takes.

Go's field names (k8s.io/kube-scheduler extender/v1), names only. The names are nearly all of a
request, so they are cut out and read by themselves, without a JSON parser where they need none.
"""

import json
import string
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from program.web import Request
from scheduler_feedback.share.binder import Target
from scheduler_feedback.tolerations import Toleration, read_tolerations

MAX_BODY = 8 << 20
"""Bytes of one request: 30,000 names of the longest kind and the largest pod etcd takes."""

_NAMES = b',"NodeNames":['
_PLAIN = f'{string.ascii_letters}{string.digits}-_.,"'.encode()
"""What a list of names may consist of to be read and written without a JSON parser."""

Reasons = Iterable[tuple[bytes, str]]
"""Nodes' names as JSON has them, without quotes, and why they are refused: a bounded vocabulary."""


class BadRequestError(ValueError):
    """A request is not what kube-scheduler sends; the message says what is wrong with it."""

    def __init__(self, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.status = status


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """One pod and the nodes it may go to; of `inside` and `names` one is there."""

    pod: Mapping[str, Any]
    tolerations: tuple[Toleration, ...]
    inside: bytes = b""
    """What stands between the brackets of the list of names, byte for byte."""
    names: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Preemption:
    """One pod, and for each node whom kube-scheduler would kill there to make room for it."""

    pod: Mapping[str, Any]
    tolerations: tuple[Toleration, ...]
    victims: Mapping[str, Any]
    """Node name → MetaVictims, as they came."""


def read_ask(request: Request) -> Ask:
    """Return what a request asks; BadRequestError where it is not an extender's ExtenderArgs.

    Go writes the names last. Where the rest can be read without them, they are left for
    others to read: by far the most of a request, they seldom need a JSON parser.
    """
    body = _body(request)
    at = body.rfind(_NAMES)
    inside = body[at + len(_NAMES) : -2] if at >= 0 and body.endswith(b"]}") else b""
    if inside:
        document = _object(body[:at] + b"}")
        return Ask(pod=_pod(document), tolerations=_tolerations(document), inside=inside)
    document = _object(body)
    tolerations = _tolerations(document)
    return Ask(pod=_pod(document), tolerations=tolerations, names=_names(document))


def read_preemption(request: Request) -> Preemption:
    """Return what a request asks; BadRequestError where it is no ExtenderPreemptionArgs."""
    document = _object(_body(request))
    victims = document.get("NodeNameToMetaVictims")
    if victims is None and document.get("NodeNameToVictims") is not None:
        raise BadRequestError(f"NodeNameToVictims: {_WHOLE}")
    if not isinstance(victims, dict):
        raise BadRequestError("NodeNameToMetaVictims: expected an object")
    return Preemption(pod=_pod(document), tolerations=_tolerations(document), victims=victims)


_WHOLE = "whole nodes and pods are not taken; set nodeCacheCapable: true for this extender"


def read_binding(request: Request) -> Target:
    """Return what a request asks; BadRequestError where it is no ExtenderBindingArgs."""
    document = _object(_body(request))
    fields = [document.get(f) for f in ("PodNamespace", "PodName", "PodUID", "Node")]
    namespace, name, uid, node = (f if isinstance(f, str) else "" for f in fields)
    if not (namespace and name and node):
        raise BadRequestError("PodNamespace, PodName, Node: expected strings")
    return Target(namespace=namespace, name=name, uid=uid, node=node)


def _body(request: Request) -> bytes:
    if request.too_large:
        raise BadRequestError(f"request body is longer than {MAX_BODY} bytes", 413)
    return request.body


def _object(text: bytes) -> dict[str, Any]:
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise BadRequestError(f"request is not JSON: {error}") from None
    if not isinstance(document, dict):
        raise BadRequestError("request is not a JSON object")
    return document


def are_plain(inside: bytes, count: int) -> bool:
    """Whether so many names between quotes are what a JSON parser makes of a list."""
    return not inside.translate(None, _PLAIN) and inside.count(b'"') == 2 * count


def parse_names(inside: bytes) -> tuple[str, ...]:
    """Return the names of a list by a JSON parser; BadRequestError."""
    return _names(_object(b'{"NodeNames":[%b]}' % inside))


def _pod(document: Mapping[str, Any]) -> Mapping[str, Any]:
    pod = document.get("Pod")
    if not isinstance(pod, Mapping):
        raise BadRequestError("Pod: expected an object")
    return pod


def _tolerations(document: Mapping[str, Any]) -> tuple[Toleration, ...]:
    pod = _pod(document)
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


def _names(document: Mapping[str, Any]) -> tuple[str, ...]:
    names = document.get("NodeNames")
    if names is None and document.get("Nodes") is not None:
        raise BadRequestError(f"Nodes: {_WHOLE}")
    if not isinstance(names, list) or not set(map(type, names)) <= {str}:
        raise BadRequestError("NodeNames: expected a list of strings")
    if not names:
        raise BadRequestError("NodeNames: empty, there is nothing to choose from")
    return tuple(names)


def filter_result(inside: bytes, unresolvable: Reasons = (), failed: Reasons = ()) -> bytes:
    """Return an ExtenderFilterResult with the inside of its list of names.

    Preemption may free a node that failed, and never one that is unresolvable.
    """
    parts = (
        b'{"Nodes":null,"NodeNames":[',
        inside,
        b'],"FailedNodes":{',
        _reasons(failed),
        b'},"FailedAndUnresolvableNodes":{',
        _reasons(unresolvable),
        b'},"Error":""}',
    )
    return b"".join(parts)  # copies once what is long; formatting copies it again as it grows


def _reasons(reasons: Reasons) -> bytes:
    return b",".join([b'"%b":%b' % (name, _reason(reason)) for name, reason in reasons])


@lru_cache(maxsize=256)
def _reason(reason: str) -> bytes:
    return json.dumps(reason).encode()


def string_json(text: str) -> str:
    """Return a string's JSON."""
    return json.dumps(text)


def string_of(inside: bytes) -> str:
    """Return the string of a JSON string without its quotes."""
    return str(json.loads(b'"%b"' % inside))


def preemption_result(victims: Mapping[str, Any]) -> bytes:
    """Return an ExtenderPreemptionResult."""
    return _compact({"NodeNameToMetaVictims": victims}).encode()


def error_result(error: BadRequestError) -> bytes:
    """Return what any verb answers to a request that makes no sense."""
    return _compact({"Error": str(error)}).encode()


def bind_result(error: str) -> bytes:
    """Return an ExtenderBindingResult."""
    return _compact({"Error": error}).encode()


def priorities(scored: Iterable[tuple[bytes, int]]) -> bytes:
    """Return a HostPriorityList of nodes' names as JSON has them, without quotes, and scores."""
    return b"[%b]" % b",".join([b'{"Host":"%b","Score":%d}' % each for each in scored])


def _compact(value: object) -> str:
    return json.dumps(value, separators=(",", ":"))
