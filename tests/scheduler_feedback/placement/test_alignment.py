"""How near GPUs and NICs are, as nodes say it, and what that means for where a pod is sent."""

import contextlib
import json
import math
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from catalog.rails import NodePlaces, PortPlace, dump_rails, parse_rails
from catalog.wire import WireError
from scheduler_feedback.explain import as_text, explain
from scheduler_feedback.placement.alignment import (
    Alignment,
    Zones,
    nics_of,
    points_of,
    read_layout,
    read_zones,
)
from scheduler_feedback.placement.near import UNKNOWN
from tests.budget import examples
from tests.scheduler_feedback.objects import fault
from tests.scheduler_feedback.placement.test_prefer import Site, gpu_node, gpu_pod

HCA = "rdma/hca"


def rails(affinity: str = "PIX", *, gpus: int = 8, nics: int = 8) -> str:
    """A node of two NUMA nodes, its NICs spread over both."""
    ports = [
        PortPlace(
            device=f"mlx5_{n}",
            port="1",
            role="compute",
            rail=n,
            numa=n * 2 // nics,
            gpus=tuple(range(n * gpus // nics, (n + 1) * gpus // nics)),
            affinity=affinity,
        )
        for n in range(nics)
    ]
    return dump_rails(
        NodePlaces(gpus=tuple(n * 2 // gpus for n in range(gpus)), ports=tuple(ports))
    )


def zoned(name: str, *free: tuple[int, int]) -> dict[str, Any]:
    """A NodeResourceTopology with so many GPUs and NICs free in each NUMA node."""
    zones = [
        {
            "name": f"node-{zone}",
            "type": "Node",
            "resources": [
                {"name": "nvidia.com/gpu", "capacity": "4", "allocatable": "4", "available": gpus},
                {"name": HCA, "capacity": 4, "allocatable": 4, "available": str(nics)},
            ],
        }
        for zone, (gpus, nics) in enumerate(free)
    ]
    return {"metadata": {"name": name}, "zones": zones}


def node(name: str, places: str = "", **more: Any) -> dict[str, Any]:
    made = gpu_node(name, **more)
    if places:
        made["metadata"].setdefault("annotations", {})["railwatch.io/rails"] = places
    return made


def pod(gpus: int, nics: int, **more: Any) -> dict[str, Any]:
    made: dict[str, Any] = gpu_pod(gpus=gpus, **more)
    made["spec"]["containers"][0]["resources"]["limits"][HCA] = str(nics)
    return made


def points(gpus: int, nics: int, places: str = "", *free: tuple[int, int]) -> float:
    notes = {"railwatch.io/rails": places} if places else {}
    room = read_zones(zoned("n", *free)) if free else None
    return points_of(read_layout(notes, room), gpus, nics)


def test_one_numa_node_that_has_it_all_is_best() -> None:
    assert points(4, 4, "", (4, 4), (0, 0)) == 1
    assert points(4, 4, "", (2, 2), (2, 2)) == 0.75
    assert points(4, 4, "", (4, 0), (0, 4)) == 0
    assert points(4, 2, "", (2, 1), (2, 1)) == 0.75
    assert points(4, 4, "", (4, 2), (0, 2)) == 0.375


def test_a_nic_below_a_gpus_own_switch_counts_half() -> None:
    assert points(4, 4, rails("PIX")) == 1
    assert points(4, 4, rails("NODE")) == 0.5
    assert points(8, 8, rails("PIX")) == 0.875
    assert points(4, 4, rails("PIX"), (2, 2), (2, 2)) == 0.875


def test_of_what_nobody_tells_nothing_is_known() -> None:
    assert math.isnan(points(4, 4))
    assert (
        read_zones({"metadata": {"name": "n"}, "zones": [{"name": "node-0", "type": "Node"}]})
        is None
    )
    assert read_zones({"metadata": {"name": "n"}, "zones": "?"}) is None


def test_a_nic_with_a_known_fault_counts_for_nothing() -> None:
    told = replace(fault("observe", device="guid"), name="mlx5_0/1", condition="RdmaLinkDegraded")
    worn = node("n", rails(), faults=[told])["metadata"]["annotations"]

    layout = read_layout(worn, None)
    assert layout.zones[:2] == ((4, 3), (4, 4))
    assert layout.beside == 7 / 8
    assert read_layout(worn, read_zones(zoned("n", (4, 4), (4, 4)))).zones[0] == (4, 3)


def test_a_pod_that_asks_for_both_is_sent_where_both_are_near() -> None:
    site = Site()
    site.nodes.replace([node("near", rails("PIX")), node("far", rails("SYS")), node("dark")])

    assert site.scores(pod(4, 4), "near", "far", "dark") == {"near": 10, "far": 9, "dark": 10}
    assert site.scores(gpu_pod(gpus=4), "near", "far") == {"near": 10, "far": 10}
    assert site.scores(pod(4, 4), "dark", "far") == {"dark": 10, "far": 10}


def test_what_is_free_in_numa_nodes_counts_as_it_changes() -> None:
    site = Site()
    roster = site.nodes.roster
    zones = Zones(roster.alignment, roster.lock)
    zones.put(zoned("a", (4, 4), (4, 4)))  # before its node is known
    site.nodes.replace([node("a"), node("b")])
    zones.put(zoned("b", (4, 4), (0, 0)))
    assert site.scores(pod(4, 4), "a", "b") == {"a": 10, "b": 10}

    zones.put(zoned("a", (1, 4), (3, 4)))
    assert site.scores(pod(4, 4), "a", "b") == {"a": 9, "b": 10}

    zones.drop(zoned("a"))
    assert site.scores(pod(4, 4), "a", "b") == {"a": 10, "b": 10}
    zones.replace([zoned("a", (4, 0), (4, 0))])
    assert site.scores(pod(4, 4), "a", "b") == {"a": 10, "b": 10}  # nobody speaks of b any more
    site.nodes.drop(node("a"))
    site.nodes.put(node("c", rails()))  # takes the row that was a's
    assert site.scores(pod(4, 4), "b", "c") == {"b": 10, "c": 10}


@pytest.mark.parametrize(("weight", "far"), [(0.0, 10), (0.4, 10), (0.6, 9), (1.0, 9)])
def test_the_weight_says_how_much_a_node_may_lack(weight: float, far: int) -> None:
    site = Site()
    site.desk._preference._weight = weight  # as --placement.alignment sets it
    site.nodes.replace([node("near", rails("PIX")), node("far", rails("SYS"))])

    assert site.scores(pod(4, 4), "near", "far") == {"near": 10, "far": far}


def test_the_gang_and_the_pool_come_first() -> None:
    site = Site()
    near = node("near", rails("PIX"), tiers=("leaf-2",))
    far = node("far", rails("SYS"), tiers=("leaf-1",))
    site.nodes.replace([near, far, node("first", tiers=("leaf-1",))])
    site.stock.put(gpu_pod("rank", on="first", gang="g"))

    assert site.scores(pod(4, 4, gang="g"), "near", "far") == {"near": 9, "far": 10}


def test_explain_tells_how_near() -> None:
    def near(of: Any) -> str:
        return UNKNOWN if of["metadata"]["name"] == "dark" else "near: 50%"

    told = as_text(explain(pod(4, 4), [node("a"), node("b"), node("dark")], near=near))

    assert "no known fault; near: 50%: 2 nodes: a, b" in told
    assert f"no known fault; {UNKNOWN}: 1 node: dark" in told


def test_only_resources_of_the_prefixes_are_nics() -> None:
    request = {"rdma/hca": 2, "nvidia.com/gpu": 8, "vendor/nic": 1, "cpu": 4}

    assert nics_of(request) == 2
    assert nics_of(request, ("rdma/", "vendor/nic")) == 3


_PLACE = st.builds(
    PortPlace,
    device=st.text(max_size=20),
    port=st.sampled_from(["1", "2"]),
    role=st.sampled_from(["compute", "storage", "management", "unknown"]),
    rail=st.integers(-1, 255),
    leaf=st.text(max_size=20),
    numa=st.integers(-1, 9),
    gpus=st.lists(st.integers(0, 63), min_size=1, max_size=8).map(tuple),
    affinity=st.sampled_from(["PIX", "PXB", "PHB", "NODE", "SYS"]),
)
_PLACES = st.builds(
    NodePlaces,
    gpus=st.lists(st.integers(-1, 9), max_size=16).map(tuple),
    ports=st.lists(_PLACE, max_size=8).map(tuple),
)


@given(_PLACES)
@settings(max_examples=examples(100), deadline=None)
def test_the_annotation_is_read_as_it_was_written(places: NodePlaces) -> None:
    assert parse_rails(dump_rails(places)) == places


@given(_PLACES, st.integers(1, 16), st.integers(1, 16))
@settings(max_examples=examples(100), deadline=None)
def test_points_are_none_or_from_nought_to_one(places: NodePlaces, gpus: int, nics: int) -> None:
    found = points(gpus, nics, dump_rails(places))

    assert math.isnan(found) or 0 <= found <= 1


@given(st.lists(st.tuples(st.integers(0, 3), st.sampled_from("pdz"), _PLACES), max_size=8))
@settings(max_examples=examples(60), deadline=None)
def test_what_is_kept_of_before_is_what_would_be_worked_out_anew(
    steps: list[tuple[int, str, NodePlaces]],
) -> None:
    rows, kept = np.arange(4), Alignment()
    kept.grow(4)
    for row, what, places in steps:
        item = node(f"n{row}", dump_rails(places))
        if what == "p":
            kept.put(row, item)
        elif what == "d":
            kept.drop(row, f"n{row}")
        else:
            kept.set_room(f"n{row}", {0: (row, len(places.ports))})
        before = kept.preferred(rows, 4, 4, 1.0).tolist()
        kept._ranked.clear()  # forgets the points, and nothing else
        assert kept.preferred(rows, 4, 4, 1.0).tolist() == before


@cache
def _one_site() -> Site:
    return Site()


_KEYS = st.sampled_from(
    ["version", "gpus", "ports", "device", "port", "role", "numa", "rail", "leaf", "affinity", "x"]
)
_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda of: st.lists(of, max_size=4) | st.dictionaries(_KEYS, of, max_size=5),
    max_leaves=20,
)
_SAID = st.dictionaries(_KEYS, _JSON).map(lambda said: json.dumps({"version": 1, **said}))


@given(st.text(max_size=40) | _SAID | _JSON.map(json.dumps))
@settings(max_examples=examples(300), deadline=None)
def test_no_annotation_breaks_the_cache_of_nodes(text: str) -> None:
    site = _one_site()
    site.nodes.replace([node("strange", text), node("near", rails())])

    assert set(site.scores(pod(4, 4), "strange", "near").values()) <= {9, 10}
    with contextlib.suppress(WireError):
        parse_rails(text)
