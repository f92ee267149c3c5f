"""The HTTP extender protocol as JSON: what kube-scheduler sends, and what it takes.

Go's field names (k8s.io/kube-scheduler extender/v1), names only. The names are nearly all of a
request, so those that need no JSON parser, as every node's name does, are cut out and read by
themselves: a third of the time.
"""

import json
import string
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from program.web import Request
from scheduler_feedback.tolerations import Toleration, read_tolerations

MAX_BODY = 8 << 20
"""Bytes of one request: 30,000 names of the longest kind and the largest pod etcd takes."""

_NAMES = b',"NodeNames":['
_PLAIN = f'{string.ascii_letters}{string.digits}-_.,"'.encode()
"""What a list of names may consist of to be read and written without a JSON parser."""


class BadRequestError(ValueError):
    """A request is not what kube-scheduler sends; the message says what is wrong with it."""

    def __init__(self, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.status = status


@dataclass(frozen=True, slots=True, kw_only=True)
class Plain:
    """Names of which none needs escaping in JSON."""

    names: list[str]
    inside: bytes
    """What stands between the list's brackets, byte for byte as Go writes it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """One pod and the nodes it may go to."""

    tolerations: tuple[Toleration, ...]
    names: list[str]
    plain: bool = False
    """No name needs escaping in JSON."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Preemption:
    """One pod, and for each node whom kube-scheduler would kill there to make room for it."""

    tolerations: tuple[Toleration, ...]
    victims: Mapping[str, Any]
    """Node name → MetaVictims, as they came."""


def read_ask(request: Request, known: Plain | None = None) -> Ask:
    """Return what a request asks; BadRequestError where it is not an extender's ExtenderArgs.

    `known` are names that may well be asked about, which need not be read again.
    """
    head, names = _cut(_body(request), known)
    document = _object(head)
    tolerations = _tolerations(document.get("Pod"))
    if names is not None:
        return Ask(tolerations=tolerations, names=names, plain=True)
    return Ask(tolerations=tolerations, names=_names(document))


def read_preemption(request: Request) -> Preemption:
    """Return what a request asks; BadRequestError where it is no ExtenderPreemptionArgs."""
    document = _object(_body(request))
    victims = document.get("NodeNameToMetaVictims")
    if victims is None and document.get("NodeNameToVictims") is not None:
        raise BadRequestError(f"NodeNameToVictims: {_WHOLE}")
    if not isinstance(victims, dict):
        raise BadRequestError("NodeNameToMetaVictims: expected an object")
    return Preemption(tolerations=_tolerations(document.get("Pod")), victims=victims)


_WHOLE = "whole nodes and pods are not taken; set nodeCacheCapable: true for this extender"


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


def _cut(body: bytes, known: Plain | None) -> tuple[bytes, list[str] | None]:
    """Return a request without its names, and these; all of it and None where that cannot be.

    Go writes the names last. Where both parts can be read they are what a parser makes of the
    whole: an object's first members, and one more.
    """
    at = body.rfind(_NAMES)
    if at < 0 or not body.endswith(b"]}"):
        return body, None
    inside = body[at + len(_NAMES) : -2]
    names = known.names if known and known.inside == inside else _plain_names(inside)
    return (body, None) if names is None else (body[:at] + b"}", names)


def _plain_names(inside: bytes) -> list[str] | None:
    """Return the names inside a JSON list's brackets; None where that takes a JSON parser."""
    if inside.translate(None, _PLAIN):
        return None
    names = inside[1:-1].decode("ascii").split('","')
    quoted = inside.startswith(b'"') and inside.endswith(b'"')
    return names if quoted and inside.count(b'"') == 2 * len(names) else None


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
        raise BadRequestError(f"Nodes: {_WHOLE}")
    if not isinstance(names, list) or not set(map(type, names)) <= {str}:
        raise BadRequestError("NodeNames: expected a list of strings")
    if not names:
        raise BadRequestError("NodeNames: empty, there is nothing to choose from")
    return names


def write_plain(names: list[str]) -> Plain:
    """Return names that need no escaping with their JSON."""
    inside = '"' + '","'.join(names) + '"' if names else ""
    return Plain(names=names, inside=inside.encode())


def filter_result(passed: Plain | Sequence[str], reasons: Mapping[str, str]) -> bytes:
    """Return an ExtenderFilterResult; health refusals are such that no preemption resolves."""
    names = passed.inside if isinstance(passed, Plain) else _compact(passed).encode()[1:-1]
    return (
        b'{"Nodes":null,"NodeNames":[%b],"FailedNodes":{},'
        b'"FailedAndUnresolvableNodes":%b,"Error":""}'
    ) % (names, _compact(reasons).encode())


def preemption_result(victims: Mapping[str, Any]) -> bytes:
    """Return an ExtenderPreemptionResult."""
    return _compact({"NodeNameToMetaVictims": victims}).encode()


def error_result(error: BadRequestError) -> bytes:
    """Return what any verb answers to a request that makes no sense."""
    return _compact({"Error": str(error)}).encode()


def priority_json(name: str, points: int) -> str:
    """Return one HostPriority of the answer to `prioritize`, ready to be joined with others."""
    return f'{{"Host":{json.dumps(name)},"Score":{points}}}'


def _compact(value: object) -> str:
    return json.dumps(value, separators=(",", ":"))
