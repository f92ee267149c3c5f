"""How much idle GPU the pods that are likely to come could not use.

Two measures. The first is that of "Beware of Fragmentation: Scheduling GPU-Sharing Workloads with
Fragmentation Gradient Descent" (Weng et al., USENIX ATC 2023): for one likely pod, all idle GPU of
a node counts as fragment where the pod does not fit, or needs no GPU; where it fits, the idle rest
of those GPUs counts that are too small for it.

That takes a node for whole on which a single pod still fits, though its CPU may not last for its
idle GPUs. So the second asks how much of the idle GPU would stay idle were the node filled up with
such pods. Of both, the expectation over all likely pods counts.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from scheduler_feedback.placement.capacity import Floats, Ints, Rows, Shape


@dataclass(frozen=True, slots=True, kw_only=True)
class Likely:
    """The pods to expect: shapes and how often each comes, as arrays with one entry a shape."""

    cpu: Ints
    gpus: Ints
    chance: Floats
    """Sums to 1."""
    shares: Ints
    """The distinct shares of a GPU that are asked for."""
    share: Ints
    """For each shape, where its share stands in `shares`."""

    @classmethod
    def of(cls, pods: Iterable[Shape], covered: float = 1.0) -> "Likely":
        """Return the most frequent shapes that together make up so much of these pods.

        ValueError where there is no pod to learn from.
        """
        counted = Counter((p.cpu, p.gpus, p.share if p.gpus else 0) for p in pods)
        if not counted:
            raise ValueError("no pod to learn from")
        shapes = sorted(counted, key=lambda shape: (-counted[shape], shape))
        count = np.array([counted[shape] for shape in shapes], dtype=np.float64)
        kept = 1 + int(np.searchsorted(count.cumsum(), covered * count.sum()))
        cpu, gpus, share = np.array(shapes[:kept], dtype=np.int64).T
        shares, at = np.unique(share, return_inverse=True)
        chance = count[:kept] / count[:kept].sum()
        return cls(cpu=cpu, gpus=gpus, chance=chance, shares=shares, share=at)

    def fragment(self, rows: Rows) -> Floats:
        """Return the idle GPU of each node that a likely pod could not use, in milli-GPU."""
        roomy = rows.gpu[:, :, None] >= self.shares
        wide_enough = roomy.sum(axis=1)[:, self.share] >= self.gpus
        fits = wide_enough & (rows.cpu[:, None] >= self.cpu) & (self.gpus > 0)
        usable = np.where(roomy, rows.gpu[:, :, None], 0).sum(axis=1)[:, self.share]
        wasted: Floats = rows.gpu.sum(axis=1) - np.where(fits, usable, 0) @ self.chance
        return wasted

    def unfilled(self, rows: Rows) -> Floats:
        """Return the idle GPU of each node that as many likely pods as fit would leave idle."""
        slots = (rows.gpu[:, :, None] // np.maximum(self.shares, 1)).sum(axis=1)[:, self.share]
        pods = slots // np.maximum(self.gpus, 1)
        pods = np.minimum(pods, rows.cpu[:, None] // np.maximum(self.cpu, 1))
        filled = pods * (self.gpus * self.shares[self.share])
        left: Floats = rows.gpu.sum(axis=1) - filled @ self.chance
        return left
