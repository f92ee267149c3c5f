"""What is free on every node, as arrays with one row a node."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

WHOLE = 1000
"""A GPU in milli-GPU."""

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """What a pod asks for."""

    cpu: int
    """Milli-CPU."""
    memory: int
    """MiB."""
    gpus: int = 0
    share: int = WHOLE
    """Milli-GPU of each of its GPUs; below WHOLE only with one."""

    @property
    def milli(self) -> int:
        """All it asks for in milli-GPU."""
        return self.gpus * self.share


@dataclass(frozen=True, slots=True, kw_only=True)
class Rows:
    """The free resources of some nodes: the state they are in, or would be in."""

    cpu: Ints
    memory: Ints
    gpu: Ints
    """Nodes by GPUs, in milli-GPU; 0 also where a node has fewer GPUs than the widest."""
    gpus: Ints
    """How many GPUs each node has."""

    def fit(self, shape: Shape) -> Mask:
        """Return which of the nodes have room."""
        room = (self.cpu >= shape.cpu) & (self.memory >= shape.memory)
        if shape.gpus:
            room &= (self.gpu >= shape.share).sum(axis=1) >= shape.gpus
        return room

    def pick(self, rows: Ints) -> "Rows":
        """Return the same of fewer nodes, as copies."""
        return Rows(
            cpu=self.cpu[rows], memory=self.memory[rows], gpu=self.gpu[rows], gpus=self.gpus[rows]
        )


class Capacity:
    """What is free on each node of a cluster, kept as pods come and go."""

    def __init__(self, cpu: Sequence[int], memory: Sequence[int], gpus: Sequence[int]) -> None:
        """Begin with every node idle."""
        widest = max(gpus, default=0)
        gpu = np.where(np.arange(widest) < np.asarray(gpus)[:, None], WHOLE, 0)
        count = np.asarray(gpus, dtype=np.int64)
        self.free = Rows(
            cpu=np.array(cpu, dtype=np.int64),
            memory=np.array(memory, dtype=np.int64),
            gpu=gpu.astype(np.int64),
            gpus=count,
        )
        self.total = self.free.pick(np.arange(len(count)))

    def __len__(self) -> int:
        return len(self.free.gpus)

    def take(self, row: int, shape: Shape, gpus: Sequence[int]) -> None:
        """Put a pod on a node's GPUs; ValueError where there is no room for it."""
        slots = list(gpus)
        self._change(row, shape, slots, 1)

    def give(self, row: int, shape: Shape, gpus: Sequence[int]) -> None:
        """Take a pod off; ValueError where it cannot have been there."""
        self._change(row, shape, list(gpus), -1)

    def _change(self, row: int, shape: Shape, slots: list[int], sign: int) -> None:
        free, total = self.free, self.total
        if len(set(slots)) != shape.gpus:
            raise ValueError(f"{shape.gpus} GPUs asked for, {slots} given")
        cpu = free.cpu[row] - sign * shape.cpu
        memory = free.memory[row] - sign * shape.memory
        gpu = free.gpu[row, slots] - sign * shape.share
        within = 0 <= cpu <= total.cpu[row] and 0 <= memory <= total.memory[row]
        if not within or (gpu < 0).any() or (gpu > total.gpu[row, slots]).any():
            raise ValueError(f"{shape} does not fit in row {row}, GPUs {slots}")
        free.cpu[row], free.memory[row], free.gpu[row, slots] = cpu, memory, gpu
