"""The measures of fragmentation, against their definition spelled out."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scheduler_feedback.placement.capacity import Rows, Shape
from scheduler_feedback.placement.fragmentation import Likely
from scheduler_feedback.placement.policies import (
    fragmentation_aware,
    growth,
    packing,
    slots,
    spread,
)
from tests.budget import examples


def rows(*nodes: tuple[int, list[int]]) -> Rows:
    return Rows(
        cpu=np.array([cpu for cpu, _ in nodes]),
        memory=np.full(len(nodes), 1 << 40),
        gpu=np.array([gpu for _, gpu in nodes]),
        gpus=np.array([len(gpu) for _, gpu in nodes]),
    )


def pod(cpu: int, gpus: int = 0, share: int = 1000) -> Shape:
    return Shape(cpu=cpu, memory=0, gpus=gpus, share=share)


def spelled_out(cpu: int, gpu: list[int], pods: list[Shape]) -> tuple[float, float]:
    """Both measures by their definition, one pod after the other."""
    fragment = unfilled = 0.0
    for likely in pods:
        idle = sum(gpu)
        roomy = [left for left in gpu if left >= likely.share]
        if likely.gpus == 0:
            fragment, unfilled = fragment + idle, unfilled + idle
            continue
        fits = len(roomy) >= likely.gpus and cpu >= likely.cpu
        fragment += idle - sum(roomy) if fits else idle
        by_gpu = sum(left // likely.share for left in gpu) // likely.gpus
        by_cpu = cpu // likely.cpu if likely.cpu else by_gpu
        unfilled += idle - min(by_gpu, by_cpu) * likely.gpus * likely.share
    return fragment / len(pods), unfilled / len(pods)


LIKELY = st.lists(
    st.builds(pod, st.integers(1, 64_000), st.integers(0, 4))
    | st.builds(pod, st.integers(1, 64_000), st.just(1), st.integers(1, 999)),
    min_size=1,
    max_size=6,
)


@settings(max_examples=examples(200), deadline=None)
@given(st.integers(0, 96_000), st.lists(st.integers(0, 1000), min_size=4, max_size=4), LIKELY)
def test_both_measures_are_what_their_definition_says(
    cpu: int, gpu: list[int], pods: list[Shape]
) -> None:
    likely, state = Likely.of(pods), rows((cpu, gpu))

    fragment, unfilled = spelled_out(cpu, gpu, pods)
    assert likely.fragment(state)[0] == pytest.approx(fragment)
    assert likely.unfilled(state)[0] == pytest.approx(unfilled)


def test_only_the_most_frequent_shapes_are_expected_where_that_is_asked() -> None:
    pods = [pod(1000, 1)] * 9 + [pod(2000, 8)]

    likely = Likely.of(pods, covered=0.9)

    assert likely.gpus.tolist() == [1]
    assert likely.chance.tolist() == [1.0]


def test_nothing_can_be_learnt_from_no_pods() -> None:
    with pytest.raises(ValueError, match="no pod"):
        Likely.of([])


def test_a_shared_gpu_is_filled_before_a_whole_one_is_broken() -> None:
    likely = Likely.of([pod(1000, 1)] * 3 + [pod(1000, 1, 300)])
    state = rows((64_000, [1000, 300]), (64_000, [1000, 1000]))

    offer = fragmentation_aware(likely)(state, pod(1000, 1, 300))

    assert offer.score.argmax() == 0
    assert offer.gpu[0] == 1


def test_a_pod_without_gpus_goes_where_the_gpus_are_used_up() -> None:
    likely = Likely.of([pod(8000, 1)])
    state = rows((64_000, [1000, 1000]), (64_000, [0, 0]))

    offer = fragmentation_aware(likely)(state, pod(60_000))

    assert offer.score.argmax() == 1


def test_growth_counts_the_pods_own_gpu_as_no_longer_idle() -> None:
    likely = Likely.of([pod(1000, 2)])

    change = growth(rows((64_000, [1000, 0])), pod(1000, 1), likely.fragment)

    assert change.growth[0] == -1000


def test_packing_goes_to_the_fullest_gpu_and_spread_to_the_emptiest_node() -> None:
    state = rows((64_000, [1000, 400]), (64_000, [1000, 700]), (64_000, [1000, 1000]))
    small = pod(1000, 1, 300)

    assert packing(state, small).score.argmax() == 0
    assert packing(state, small).gpu[0] == 1
    assert spread(state, small).score.argmax() == 2


def test_a_pod_of_whole_gpus_gets_only_idle_ones() -> None:
    assert slots(np.array([400, 1000, 0, 1000, 1000]), pod(1, 2), 0) == [1, 3]
    assert slots(np.array([400, 1000]), pod(1, 1, 300), 0) == [0]
