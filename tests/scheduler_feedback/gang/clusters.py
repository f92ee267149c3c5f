"""Fleets and gangs for tests."""

from collections.abc import Sequence

import numpy as np

from scheduler_feedback.gang.fleet import Fleet
from scheduler_feedback.gang.model import Gang, Rank
from scheduler_feedback.pools import MOST_POOLS

GPU = "nvidia.com/gpu"
WHOLE_NODE = {GPU: 8}


def fleet(  # noqa: PLR0913 - each by keyword
    *,
    nodes: int = 16,
    per_leaf: int = 4,
    leaves_per_spine: int = 2,
    free: Sequence[int] | None = None,
    penalty: Sequence[int] | None = None,
    pool: Sequence[int] | None = None,
) -> Fleet:
    """Nodes of eight GPUs in leaves (tier 0) and spines (tier 1)."""
    leaf = np.arange(nodes) // per_leaf
    spine = leaf // leaves_per_spine
    gpus = np.array(free if free is not None else [8] * nodes, dtype=np.int64)
    return Fleet(
        names=tuple(f"node-{n}" for n in range(nodes)),
        resources=("pods", GPU),
        free=np.stack([np.full(nodes, 110), gpus], axis=1),
        tiers=(leaf, spine),
        domains=(
            tuple(f"leaf-{n}" for n in range(int(leaf.max()) + 1)),
            tuple(f"spine-{n}" for n in range(int(spine.max()) + 1)),
        ),
        penalty=np.array(penalty or [0] * nodes, dtype=np.int64) * MOST_POOLS
        + np.array(pool or [0] * nodes, dtype=np.int64),
    )


def gang(
    size: int,
    *,
    name: str = "train",
    request: dict[str, int] | None = None,
    at: Sequence[str] = (),
    **more: object,
) -> Gang:
    """A gang of whole-node ranks; `at` says on which nodes the first ones run."""
    ranks = tuple(
        Rank(
            name=f"{name}-{index}",
            uid=f"{name}-{index}",
            index=index,
            request=request or WHOLE_NODE,
            node=at[index] if index < len(at) else "",
        )
        for index in range(size)
    )
    fields = {"namespace": "default", "size": size, "least": size, "ranks": ranks, **more}
    return Gang(name=name, **fields)  # type: ignore[arg-type] # test data
