"""The declaration of queues: which namespaces share what of which accelerator.

```yaml
queues:
  vision:                          # also the namespace, unless `namespaces` says others
    namespaces: [vision, vision-*]
    resources:
      nvidia.com/gpu: {guaranteed: 16, limit: 32, borrowable: 8}
device_classes:                    # what devices of ResourceClaims count as; this unless it says so
  gpu.nvidia.com: nvidia.com/gpu
```
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from fnmatch import fnmatchcase
from typing import Any

import yaml

MOST_QUEUES, MOST_NAMESPACES, MOST_RESOURCES = 200, 200, 16
_LARGEST = 1 << 40
_NAME = re.compile(r"[a-z0-9]([-a-z0-9.]{0,61}[a-z0-9])?")
_PATTERN = re.compile(r"[-a-z0-9*]{1,63}")
_CLASS = re.compile(r"[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?")
DEVICE_CLASSES: Mapping[str, str] = {"gpu.nvidia.com": "nvidia.com/gpu"}
"""The class of whole GPUs of NVIDIA's DRA driver, as its chart installs it."""
MOST_CLASSES = 64
_RESOURCE = re.compile(r"[a-z0-9]([-a-z0-9.]*[a-z0-9])?/[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?")
_TOP = ("queues", "device_classes")
_QUEUE = ("namespaces", "resources")
_QUOTA = ("guaranteed", "limit", "borrowable")


class DeclarationError(ValueError):
    """The declaration makes no sense; the message names file, field and remedy."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Quota:
    """What a queue may use of one resource, in whole units of it."""

    guaranteed: int = 0
    limit: int | None = None
    """The most it may use, borrowed or not; None: whatever the others leave."""
    borrowable: int = 0
    """How much of its guarantee others may use while it does not."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Queue:
    """Namespaces that share quotas."""

    name: str
    namespaces: tuple[str, ...]
    """Names, and patterns with `*`; none: what it is guaranteed is there for others to borrow."""
    quotas: Mapping[str, Quota]
    """By resource; of any other it may use what it finds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Declaration:
    """All queues."""

    queues: tuple[Queue, ...] = ()
    resources: frozenset[str] = field(default=frozenset())
    """All that some queue has a quota of."""
    device_classes: Mapping[str, str] = field(default_factory=lambda: DEVICE_CLASSES)
    """The resource that a device of each class counts as."""

    def of(self, namespace: str) -> Queue | None:
        """Return a namespace's queue: by its name, else by the first pattern; None where neither.

        The order is the declaration's own.
        """
        for queue in self.queues:
            if namespace in queue.namespaces:
                return queue
        for queue in self.queues:
            if any(fnmatchcase(namespace, p) for p in queue.namespaces if "*" in p):
                return queue
        return None


class _Loader(yaml.SafeLoader):
    """Refuses a key that stands twice, of which YAML would silently keep the last."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:  # noqa: FBT001, FBT002 - as the loader calls it
        """Return a mapping, each of whose keys stands once."""
        seen: set[str] = set()
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode):
                if key.value in seen:
                    raise DeclarationError(f"{key.value}: declared twice: take one away")
                seen.add(key.value)
        return super().construct_mapping(node, deep=deep)


def parse(text: str, file: str) -> Declaration:
    """Return what a file's text declares; DeclarationError names file and field."""
    try:
        document = yaml.load(text, _Loader)  # noqa: S506 - a SafeLoader
    except DeclarationError as error:
        raise DeclarationError(f"{file}: {error}") from None
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        raise DeclarationError(f"{file}: not YAML: {' '.join(str(error).split())}") from None
    top = _mapping(file, {} if document is None else document, _TOP)
    if "queues" not in top:
        raise DeclarationError(f"{file}: queues is missing: `queues: {{}}` declares none")
    told = _any_mapping(f"{file}: queues", top.get("queues") or {}, MOST_QUEUES)
    queues = tuple(_queue(f"{file}: queues.{name}", name, body) for name, body in told.items())
    _once_each(file, queues)
    return Declaration(
        queues=queues,
        resources=frozenset(r for queue in queues for r in queue.quotas),
        device_classes=_classes(f"{file}: device_classes", top.get("device_classes")),
    )


def _classes(where: str, said: Any) -> Mapping[str, str]:
    if said is None:
        return DEVICE_CLASSES
    told = _any_mapping(where, said, MOST_CLASSES)
    for name in told:
        if not isinstance(name, str) or not _CLASS.fullmatch(name):
            raise DeclarationError(f"{where}: {name!r} is no device class such as gpu.nvidia.com")
    return {name: _resource(f"{where}.{name}", resource) for name, resource in told.items()}


def _queue(where: str, name: object, said: Any) -> Queue:
    if not isinstance(name, str) or not _NAME.fullmatch(name) or name == "none":
        raise DeclarationError(f"{where}: not a name such as a namespace's, or it is `none`")
    fields = _mapping(where, said, _QUEUE)
    told = _any_mapping(f"{where}.resources", fields.get("resources") or {}, MOST_RESOURCES)
    if not told:
        raise DeclarationError(f"{where}.resources: none: name one such as nvidia.com/gpu")
    return Queue(
        name=name,
        namespaces=_namespaces(f"{where}.namespaces", fields.get("namespaces", [name])),
        quotas={
            _resource(f"{where}.resources.{key}", key): _quota(f"{where}.resources.{key}", body)
            for key, body in told.items()
        },
    )


def _namespaces(where: str, said: Any) -> tuple[str, ...]:
    if not isinstance(said, list) or len(said) > MOST_NAMESPACES:
        raise DeclarationError(f"{where}: expected a list of at most {MOST_NAMESPACES} namespaces")
    for name in said:
        if not isinstance(name, str) or not _PATTERN.fullmatch(name):
            raise DeclarationError(
                f"{where}: {name!r} is no namespace, nor a pattern such as vision-*"
            )
    return tuple(said)


def _resource(where: str, name: object) -> str:
    if not isinstance(name, str) or not _RESOURCE.fullmatch(name):
        raise DeclarationError(f"{where}: no accelerator resource such as nvidia.com/gpu")
    return name


def _quota(where: str, said: Any) -> Quota:
    fields = _mapping(where, said, _QUOTA)
    guaranteed = _amount(f"{where}.guaranteed", fields.get("guaranteed", 0))
    told = fields.get("limit")
    limit = None if told is None else _amount(f"{where}.limit", told)
    borrowable = _amount(f"{where}.borrowable", fields.get("borrowable", guaranteed))
    if limit is not None and limit < guaranteed:
        raise DeclarationError(f"{where}.limit: {limit} is below guaranteed, {guaranteed}")
    if borrowable > guaranteed:
        raise DeclarationError(
            f"{where}.borrowable: {borrowable} is above guaranteed, {guaranteed}"
        )
    return Quota(guaranteed=guaranteed, limit=limit, borrowable=borrowable)


def _amount(where: str, said: Any) -> int:
    if not isinstance(said, int) or isinstance(said, bool) or not 0 <= said <= _LARGEST:
        raise DeclarationError(f"{where}: {str(said)[:40]!r} is no whole number, zero or more")
    return said


def _mapping(where: str, said: Any, known: tuple[str, ...]) -> Mapping[str, Any]:
    if not isinstance(said, dict):
        raise DeclarationError(f"{where}: expected a mapping of {', '.join(known)}")
    for key in said:
        if key not in known:
            raise DeclarationError(f"{where}: unknown field {key!r}{_nearest(str(key), known)}")
    return said


def _any_mapping(where: str, said: Any, most: int) -> Mapping[Any, Any]:
    if not isinstance(said, dict) or len(said) > most:
        raise DeclarationError(f"{where}: expected a mapping of at most {most} names")
    return said


def _nearest(key: str, known: tuple[str, ...]) -> str:
    near = get_close_matches(key, known, n=1, cutoff=0.5)
    return f": did you mean {near[0]!r}?" if near else f": there is {', '.join(known)}"


def _once_each(file: str, queues: tuple[Queue, ...]) -> None:
    held: dict[str, str] = {}
    for queue in queues:
        for namespace in queue.namespaces:
            if namespace in held:
                raise DeclarationError(
                    f"{file}: queues.{queue.name}.namespaces: {namespace} is in queue "
                    f"{held[namespace]} already: take it out of one"
                )
            held[namespace] = queue.name
