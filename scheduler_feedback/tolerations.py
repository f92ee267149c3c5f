"""Taints and tolerations, as kube-scheduler compares them."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

NO_SCHEDULE = "NoSchedule"
NO_EXECUTE = "NoExecute"


@dataclass(frozen=True, slots=True, kw_only=True)
class Taint:
    """One taint of a node."""

    key: str
    value: str
    effect: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Toleration:
    """One toleration of a pod; an empty key with `Exists` matches all, an empty effect any."""

    key: str = ""
    operator: str = "Equal"
    value: str = ""
    effect: str = ""

    def matches(self, taint: Taint) -> bool:
        """Whether this toleration covers a taint (numeric operators never cover a verdict)."""
        if self.effect not in ("", taint.effect):
            return False
        if self.operator == "Exists":
            return self.key in ("", taint.key)
        return self.operator == "Equal" and (self.key, self.value) == (taint.key, taint.value)


def tolerated(taint: Taint, tolerations: Iterable[Toleration]) -> bool:
    """Whether any of a pod's tolerations covers a taint."""
    return any(toleration.matches(taint) for toleration in tolerations)


def tolerated_by_name(taint: Taint, tolerations: Iterable[Toleration]) -> bool:
    """Whether a pod names this taint's key; tolerating everything does not count."""
    return any(toleration.key and toleration.matches(taint) for toleration in tolerations)


def read_taints(node: Mapping[str, Any]) -> tuple[Taint, ...]:
    """Return the taints of a Node object."""
    return tuple(
        Taint(key=t.get("key", ""), value=t.get("value", ""), effect=t.get("effect", ""))
        for t in (node.get("spec") or {}).get("taints") or ()
    )


def read_tolerations(pod: Mapping[str, Any]) -> tuple[Toleration, ...]:
    """Return the tolerations of a Pod object."""
    return tuple(
        Toleration(
            key=t.get("key") or "",
            operator=t.get("operator") or "Equal",
            value=t.get("value") or "",
            effect=t.get("effect") or "",
        )
        for t in (pod.get("spec") or {}).get("tolerations") or ()
    )
