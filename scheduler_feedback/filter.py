"""Which of the nodes a pod may not use, and why. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import filterfalse

from scheduler_feedback.health import NodeHealth, Refusal
from scheduler_feedback.tolerations import Toleration, tolerated


@dataclass(frozen=True, slots=True, kw_only=True)
class Sifted:
    """The filter's answer."""

    passed: list[str]
    """In the order asked."""
    refused: dict[str, Refusal]


def sift(
    names: Sequence[str],
    tolerations: Sequence[Toleration],
    unfit: Mapping[str, NodeHealth],
) -> Sifted:
    """Sort nodes into passed and refused; `unfit` holds every node with a refusal, by name.

    A node that is not in it passes: what we do not know is not ours to refuse.
    """
    refused = {}
    for name in filter(unfit.__contains__, names):
        node = unfit.get(name)  # the watch may have found it fit since
        refusal = refusal_for(tolerations, node) if node else None
        if refusal is not None:
            refused[name] = refusal
    return Sifted(passed=list(filterfalse(refused.__contains__, names)), refused=refused)


def refusal_for(tolerations: Sequence[Toleration], node: NodeHealth) -> Refusal | None:
    """Return the worst refusal that a pod with these tolerations does not get past."""
    for refusal in node.refusals:
        if not tolerated(refusal.taint, tolerations):
            return refusal
    return None
