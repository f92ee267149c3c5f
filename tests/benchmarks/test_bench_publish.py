"""What is believed of 5,000 nodes of a rail-optimised fabric, beside parsing one of its documents.

The publisher shares its process with the extender, which must not wait for it: what counts is the
processor's time of a round beside the reading of the fabric's own document, which no publisher of
that fabric could do without.
"""

import json
import time
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
from pytest_benchmark.fixture import BenchmarkFixture

from scheduler_feedback.placement.alignment import Alignment
from scheduler_feedback.publish.documents import NodeDocument, read_fabric
from scheduler_feedback.publish.merge import merge
from scheduler_feedback.publish.node import Node, change
from tests.scheduler_feedback.publish.worlds import node, port, sight

NODES, UNIT, RAILS, SPINES = 5_000, 32, 8, 16


def _leaf(number: int, rail: int) -> str:
    return f"0000:0000:{number // UNIT:04x}:{rail:04x}"


def _hca(number: int, rail: int) -> str:
    return f"0000:0001:{number:04x}:{rail:04x}"


@cache
def fabric() -> bytes:
    """The document of a collector, as it comes over the wire."""
    units = range(0, NODES, UNIT)
    spines = [f"0000:0002:0000:{spine:04x}" for spine in range(SPINES)]
    leaves = [
        (_leaf(first, rail), f"leaf-{first // UNIT}-{rail}")
        for first in units
        for rail in range(RAILS)
    ]
    switches = [{"guid": guid, "name": name, "tier": 0} for guid, name in leaves]
    switches += [{"guid": guid, "name": f"spine-{guid[-1]}", "tier": 1} for guid in spines]
    hcas = [
        {"guid": _hca(n, r), "host": f"node-{n}", "device": f"mlx5_{r}", "leaf": _leaf(n, r)}
        for n in range(NODES)
        for r in range(RAILS)
    ]
    links = [[leaf, 40 + at, spine, 1] for leaf, _ in leaves for at, spine in enumerate(spines)]
    document: dict[str, Any] = {"kind": "fabric", "version": 1, "complete": True}
    return json.dumps({**document, "switches": switches, "hcas": hcas, "links": links}).encode()


@cache
def world() -> tuple[list[Node], dict[str, NodeDocument]]:
    names = [f"node-{number}" for number in range(NODES)]
    documents = {
        name: NodeDocument(
            gpus=tuple(rail // 4 for rail in range(RAILS)),
            ports=tuple(port(rail, guid=_hca(number, rail)) for rail in range(RAILS)),
        )
        for number, name in enumerate(names)
    }
    return [node(name) for name in names], documents


def _spent(work: Callable[[], Any]) -> float:
    began = time.process_time()
    work()
    return time.process_time() - began


def test_bench_what_is_believed_of_5000_nodes(benchmark: BenchmarkFixture) -> None:
    nodes, documents = world()
    read = read_fabric(fabric())
    seen = sight(documents, read)

    def believe() -> None:
        beliefs = merge(nodes, seen)
        assert len([each for each in nodes if change(each, beliefs[each.name])]) == NODES

    benchmark(believe)

    reading = min(_spent(lambda: read_fabric(fabric())) for _ in range(3))
    benchmark.extra_info["times_reading_the_fabric"] = round(
        min(_spent(believe) for _ in range(3)) / reading, 2
    )


def test_bench_alignment_of_5000_nodes_when_one_has_changed(benchmark: BenchmarkFixture) -> None:
    nodes, documents = world()
    beliefs = merge(nodes, sight(documents, read_fabric(fabric())))
    alignment, rows = Alignment(), np.arange(NODES)
    alignment.grow(NODES)
    for row, each in enumerate(nodes):
        notes = {"railwatch.io/rails": beliefs[each.name].rails}
        alignment.put(row, {"metadata": {"name": each.name, "annotations": notes}})
    free = iter(range(1, 1 << 30))

    def ask() -> None:
        alignment.set_room("node-7", {0: (4, next(free))})
        assert len(alignment.preferred(rows, 8, 8, 1.0))

    benchmark(ask)
