"""Where a pod is best put: each policy gives every node a score, and names the GPUs on it.

Only nodes with room are asked about. Scores of one policy compare with each other alone.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from scheduler_feedback.placement.capacity import WHOLE, Floats, Ints, Rows, Shape
from scheduler_feedback.placement.fragmentation import Likely


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """What some nodes offer a pod."""

    score: Floats
    """Higher is better."""
    gpu: Ints
    """On each node the GPU for a pod that shares one; of no meaning for others."""


Policy = Callable[[Rows, Shape], Offer]


def _shares(shape: Shape) -> bool:
    return shape.gpus == 1 and shape.share < WHOLE


def tightest(rows: Rows, shape: Shape) -> Ints:
    """Return on each node the GPU with the least room that is enough."""
    tight: Ints = np.where(rows.gpu >= shape.share, rows.gpu, 2 * WHOLE).argmin(axis=1)
    return tight


def roomiest(rows: Rows, _shape: Shape) -> Ints:
    """Return on each node the GPU with the most room."""
    roomy: Ints = rows.gpu.argmax(axis=1)
    return roomy


def slots(free: Ints, shape: Shape, chosen: int) -> list[int]:
    """Return the GPUs of one node that a pod gets: the chosen one, or the first that are idle."""
    if _shares(shape):
        return [chosen]
    idle: list[int] = np.flatnonzero(free >= shape.share)[: shape.gpus].tolist()
    return idle


def anywhere(generator: np.random.Generator) -> Policy:
    """Prefer nothing, neither among nodes nor among the GPUs of one."""

    def offer(rows: Rows, shape: Shape) -> Offer:
        lots = generator.random(rows.gpu.shape)
        gpu = np.where(rows.gpu >= shape.share, lots, -1).argmax(axis=1)
        return Offer(score=np.zeros(len(rows.cpu)), gpu=gpu)

    return offer


def best_fit(most_cpu: int, most_gpu: int) -> Policy:
    """Prefer where the least is left, CPU and GPU weighing the same; whole percent."""

    def offer(rows: Rows, shape: Shape) -> Offer:
        cpu = (rows.cpu - shape.cpu) / most_cpu
        gpu = (rows.gpu.sum(axis=1) - shape.milli) / most_gpu
        score = np.floor(100 * (1 - (cpu + gpu) / 2))
        return Offer(score=score, gpu=tightest(rows, shape))

    return offer


_SHARED, _STARTED, _IDLE = 100, 50, 33


def packing(rows: Rows, shape: Shape) -> Offer:
    """Prefer GPUs already in use, the fullest first; then nodes in use; then small idle nodes."""
    whole = (rows.gpu == WHOLE).sum(axis=1)
    tight = tightest(rows, shape)
    if not shape.gpus:
        return Offer(score=np.zeros(len(whole)), gpu=tight)
    left = np.take_along_axis(rows.gpu, tight[:, None], axis=1)[:, 0]
    score = np.where(left < WHOLE, _SHARED - left // 100, _STARTED - shape.gpus)
    idle = np.maximum(_IDLE - whole, whole)
    return Offer(score=np.where(whole == rows.gpus, idle, score).astype(float), gpu=tight)


def spread(rows: Rows, shape: Shape) -> Offer:
    """Prefer where the most is left."""
    return Offer(
        score=(rows.gpu.sum(axis=1) - shape.milli).astype(float), gpu=roomiest(rows, shape)
    )


Measure = Callable[[Rows], Floats]
"""How bad the state of each node is, in milli-GPU."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What placing a pod does to a measure of each node."""

    growth: Floats
    """In milli-GPU; for a pod that shares a GPU that of the best one. Lower is better."""
    gpu: Ints


def growth(rows: Rows, shape: Shape, measure: Measure) -> Change:
    """Return how much worse the measure of each node would be with the pod on it."""
    before = measure(rows)
    if not _shares(shape):
        after = measure(_placed(rows, shape))
        return Change(growth=after - before, gpu=np.zeros(len(before), dtype=np.int64))
    nodes, widest = rows.gpu.shape
    after = np.full((nodes, widest), np.inf)
    row, gpu = np.nonzero(rows.gpu >= shape.share)
    tried = rows.pick(row)
    tried.gpu[np.arange(len(row)), gpu] -= shape.share
    tried.cpu[:] -= shape.cpu
    after[row, gpu] = measure(tried)
    best = after.argmin(axis=1)
    return Change(growth=after[np.arange(nodes), best] - before, gpu=best)


def _placed(rows: Rows, shape: Shape) -> Rows:
    """Return the nodes as they were with a pod of whole GPUs, or of none, on each."""
    idle = rows.gpu >= shape.share
    taken = idle & (idle.cumsum(axis=1) <= shape.gpus)
    return Rows(
        cpu=rows.cpu - shape.cpu,
        memory=rows.memory - shape.memory,
        gpu=np.where(taken, rows.gpu - shape.share, rows.gpu),
        gpus=rows.gpus,
    )


def fragmentation_gradient(likely: Likely) -> Policy:
    """Prefer where the fragment grows least, in the published steps of one percent."""

    def offer(rows: Rows, shape: Shape) -> Offer:
        change = growth(rows, shape, likely.fragment)
        score = np.floor(100 / (1 + np.exp(change.growth / WHOLE)))
        return Offer(score=score, gpu=change.gpu)

    return offer


_FRAGMENT_WEIGHT = 0.4
"""How much of our measure is the fragment, the rest being what stays unfilled: the best of the
values tried on the openb trace, where 0.25 to 0.4 differ by a tenth of a point."""


def fragmentation_aware(likely: Likely) -> Policy:
    """Prefer where least is lost to the pods to come; where it is the same, fewest idle GPUs."""

    def measure(rows: Rows) -> Floats:
        fragment, unfilled = likely.fragment(rows), likely.unfilled(rows)
        return _FRAGMENT_WEIGHT * fragment + (1 - _FRAGMENT_WEIGHT) * unfilled

    def offer(rows: Rows, shape: Shape) -> Offer:
        change = growth(rows, shape, measure)
        idle = (rows.gpu == WHOLE).sum(axis=1) / max(rows.gpu.shape[1], 1)
        return Offer(score=-change.growth - idle, gpu=change.gpu)

    return offer
