"""The trace, read: nodes, pods, and what was published of six policies on it."""

import csv
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean

from scheduler_feedback.placement.capacity import Capacity, Shape

_HERE = Path(__file__).parent
ARRIVED = (80, 90, 95, 100, 110, 120, 130)
"""The loads, in percent of the cluster's GPUs, at which allocation was published."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trace:
    """The cluster, idle, and its pods in the order they came."""

    cpu: tuple[int, ...]
    memory: tuple[int, ...]
    gpus: tuple[int, ...]
    pods: tuple[Shape, ...]

    def capacity(self, order: Sequence[int]) -> Capacity:
        """Return the cluster, idle, its nodes in this order."""
        return Capacity(
            [self.cpu[node] for node in order],
            [self.memory[node] for node in order],
            [self.gpus[node] for node in order],
        )


def read() -> Trace:
    """Return the default trace."""
    nodes = list(_rows("nodes.csv"))
    return Trace(
        cpu=tuple(int(node["cpu_milli"]) for node in nodes),
        memory=tuple(int(node["memory_mib"]) for node in nodes),
        gpus=tuple(int(node["gpu"]) for node in nodes),
        pods=tuple(_pod(row) for row in _rows("pods_default.csv")),
    )


def _pod(row: Mapping[str, str]) -> Shape:
    return Shape(
        cpu=int(row["cpu_milli"]),
        memory=int(row["memory_mib"]),
        gpus=int(row["num_gpu"]),
        share=int(row["gpu_milli"]) or 1000,
    )


def published() -> dict[str, dict[int, float]]:
    """Return policy → arrived percent → allocated percent, the mean over the ten seeds."""
    told: defaultdict[str, defaultdict[int, list[float]]] = defaultdict(lambda: defaultdict(list))
    for row in _rows("published_allocation.csv"):
        for arrived in ARRIVED:
            value = float(row[f"allocated_percent_at_arrived_{arrived}_percent"])
            told[row["policy"]][arrived].append(value)
    return {
        policy: {arrived: fmean(values) for arrived, values in by_load.items()}
        for policy, by_load in told.items()
    }


def _rows(name: str) -> Iterator[dict[str, str]]:
    with (_HERE / name).open(newline="", encoding="utf-8") as file:
        yield from csv.DictReader(file)
