"""Places the trace's pods one after another, as the published experiments did.

Nodes and pods are shuffled by a seed; when the trace ends, pods drawn from it follow until they ask
for as much GPU as was wanted. None leaves, and one that fits nowhere is not tried again.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np

from scheduler_feedback.placement.capacity import Capacity, Floats, Ints, Mask, Shape
from scheduler_feedback.placement.policies import Policy, slots
from testbed.openb.trace import Trace

SEEDS = tuple(range(42, 52))


@dataclass(slots=True, kw_only=True)
class _Known:
    """What was worked out for a shape, until the node changes."""

    fit: Mask
    score: Floats
    gpu: Ints
    stale: Mask


@dataclass(slots=True)
class _Scores:
    """Scores of every node by shape: each placement changes one node, so little is stale."""

    capacity: Capacity
    policy: Policy
    known: dict[Shape, _Known] = field(default_factory=dict)

    def of(self, shape: Shape) -> _Known:
        nodes = len(self.capacity)
        known = self.known.get(shape)
        if known is None:
            known = self.known[shape] = _Known(
                fit=np.zeros(nodes, dtype=bool),
                score=np.full(nodes, -np.inf),
                gpu=np.zeros(nodes, dtype=np.int64),
                stale=np.ones(nodes, dtype=bool),
            )
        rows = np.flatnonzero(known.stale)
        state = self.capacity.free.pick(rows)
        fit = state.fit(shape)
        known.fit[rows] = fit
        known.stale[rows] = False
        rows = rows[fit]
        if len(rows):
            offer = self.policy(self.capacity.free.pick(rows), shape)
            known.score[rows], known.gpu[rows] = offer.score, offer.gpu
        return known

    def changed(self, row: int) -> None:
        for known in self.known.values():
            known.stale[row] = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Contest:
    """What is put to the test."""

    policy: Policy
    lots: bool = False
    """Whether lots are drawn among equals; else the first is taken.

    The published figures imply the latter: with lots, packing and fragmentation gradient descent
    come out three and five points lower, and by their spread the order of nodes differs by seed.
    """


def simulate(
    trace: Trace, contest: Contest, seed: int, loads: Sequence[int] = (100,)
) -> dict[int, float]:
    """Return arrived load → GPU allocated, both in percent of the cluster's."""
    generator = np.random.default_rng(seed)
    lots = generator if contest.lots else None
    capacity = trace.capacity(generator.permutation(len(trace.gpus)).tolist())
    scores = _Scores(capacity, contest.policy)
    whole = int(capacity.total.gpu.sum())
    arrived = allocated = 0
    waiting, reached = sorted(loads), {}
    for pod in _arrivals(trace, generator):
        arrived += pod.milli
        allocated += pod.milli * _place(scores, pod, lots)
        while waiting and arrived * 100 >= waiting[0] * whole:
            reached[waiting.pop(0)] = 100 * allocated / whole
        if not waiting:
            break
    return reached


def _arrivals(trace: Trace, generator: np.random.Generator) -> Iterator[Shape]:
    for index in generator.permutation(len(trace.pods)):
        yield trace.pods[index]
    while True:
        yield trace.pods[generator.integers(len(trace.pods))]


def _place(scores: _Scores, pod: Shape, lots: np.random.Generator | None) -> bool:
    known = scores.of(pod)
    able = np.flatnonzero(known.fit)
    if not len(able):
        return False
    best = able[known.score[able] == known.score[able].max()]
    row = int(lots.choice(best) if lots else best[0])
    free = scores.capacity.free.gpu[row]
    scores.capacity.take(row, pod, slots(free, pod, int(known.gpu[row])))
    scores.changed(row)
    return True
