"""How nodes rank by health: 10 is clean, 0 was refused. Pure; the extender's scale is 0…10.

A clean node comes before a blind one, a blind one before any known fault, and a milder verdict
before a harsher one, whether it was applied, withheld or fenced to its device. Within a verdict
more faulty devices rank lower. Only among clean nodes something else counts too: those that
placement/prefer chooses keep 10, the others get 9. The order is all that matters: the weight in the
kube-scheduler configuration makes steps outweigh, or not, what other plugins prefer.
"""

from catalog.verdicts import Verdict
from scheduler_feedback.health import Grade

BEST = 10
SECOND = 9
"""A clean node where another one is preferred, for its place or for what is left of it."""
UNSEEN = 8
"""A node that the cache does not know, or of which something cannot be seen."""

_STEPS = {
    Verdict.AVOID: (7, 6, 5),
    Verdict.CORDON: (4, 3),
    Verdict.DRAIN: (2, 1),
}
"""Scores for one, two, … faulty devices; the last stands for all beyond."""


def score(grade: Grade) -> int:
    """Return a node's score among those that may be used."""
    steps = _STEPS.get(grade.verdict)
    if steps is None:
        return UNSEEN if grade.blind else BEST
    return steps[min(max(grade.devices, 1), len(steps)) - 1]
