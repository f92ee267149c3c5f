"""What is free on a node, as pods come and go."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scheduler_feedback.placement.capacity import Capacity, Shape
from tests.budget import examples

TWO_NODES = ([16_000, 96_000], [65_536, 393_216], [2, 8])


def test_a_node_takes_a_pod_until_one_resource_is_used_up() -> None:
    capacity = Capacity(*TWO_NODES)
    pod = Shape(cpu=8_000, memory=1_024, gpus=1, share=600)

    capacity.take(0, pod, [0])
    assert capacity.free.fit(pod).tolist() == [True, True]
    capacity.take(0, pod, [1])

    assert capacity.free.fit(pod).tolist() == [False, True]
    assert capacity.free.gpu[0].tolist() == [400, 400, 0, 0, 0, 0, 0, 0]


def test_a_gpu_that_a_node_does_not_have_is_never_given() -> None:
    capacity = Capacity(*TWO_NODES)

    assert capacity.free.fit(Shape(cpu=1, memory=1, gpus=3)).tolist() == [False, True]
    with pytest.raises(ValueError, match="does not fit"):
        capacity.take(0, Shape(cpu=1, memory=1, gpus=1), [2])


@pytest.mark.parametrize("gpus", [[0], [0, 0], [0, 1, 2]])
def test_a_pod_gets_as_many_gpus_as_it_asks_for(gpus: list[int]) -> None:
    with pytest.raises(ValueError, match="2 GPUs asked for"):
        Capacity(*TWO_NODES).take(1, Shape(cpu=1, memory=1, gpus=2), gpus)


def test_what_was_never_taken_cannot_be_given_back() -> None:
    with pytest.raises(ValueError, match="does not fit"):
        Capacity(*TWO_NODES).give(1, Shape(cpu=1, memory=1, gpus=1), [0])


SHAPES = st.builds(
    Shape,
    cpu=st.integers(0, 40_000),
    memory=st.integers(0, 200_000),
    gpus=st.integers(0, 8),
    share=st.just(1000),
) | st.builds(
    Shape,
    cpu=st.integers(0, 40_000),
    memory=st.integers(0, 200_000),
    gpus=st.just(1),
    share=st.integers(1, 1000),
)


@settings(max_examples=examples(100), deadline=None)
@given(st.lists(st.tuples(SHAPES, st.integers(0, 1)), max_size=30))
def test_no_node_ever_gives_more_than_it_has_and_all_comes_back(
    pods: list[tuple[Shape, int]],
) -> None:
    capacity = Capacity(*TWO_NODES)
    placed = []
    for shape, row in pods:
        if not capacity.free.fit(shape)[row]:
            continue
        slots = np.flatnonzero(capacity.free.gpu[row] >= shape.share)[: shape.gpus].tolist()
        capacity.take(row, shape, slots)
        placed.append((row, shape, slots))
        assert (capacity.free.gpu >= 0).all()
        assert (capacity.free.cpu >= 0).all()
        assert (capacity.free.memory >= 0).all()
    for row, shape, slots in placed:
        capacity.give(row, shape, slots)

    assert (capacity.free.gpu == capacity.total.gpu).all()
    assert (capacity.free.cpu == capacity.total.cpu).all()
