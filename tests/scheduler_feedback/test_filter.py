"""Who is refused, and what a toleration changes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scheduler_feedback.filter import sift
from scheduler_feedback.health import assess
from scheduler_feedback.tolerations import Taint, Toleration, tolerated, tolerated_by_name
from tests.scheduler_feedback.objects import GPU_UNAVAILABLE, drained_node, fault, node, taint

DRAIN = Taint(key=GPU_UNAVAILABLE, value="drain", effect="NoSchedule")


@pytest.mark.parametrize(
    ("toleration", "covers"),
    [
        (Toleration(operator="Exists"), True),
        (Toleration(operator="Exists", effect="NoExecute"), False),
        (Toleration(key=GPU_UNAVAILABLE, operator="Exists"), True),
        (Toleration(key=GPU_UNAVAILABLE, operator="Exists", effect="NoSchedule"), True),
        (Toleration(key=GPU_UNAVAILABLE, value="drain"), True),
        (Toleration(key=GPU_UNAVAILABLE, value="cordon"), False),
        (Toleration(key=GPU_UNAVAILABLE), False),
        (Toleration(key=GPU_UNAVAILABLE, operator="Gt", value="0"), False),
        (Toleration(key="nvidia.com/gpu", operator="Exists"), False),
    ],
)
def test_tolerations_cover_taints_as_kube_scheduler_says(
    toleration: Toleration, *, covers: bool
) -> None:
    assert tolerated(DRAIN, [toleration]) is covers


def test_tolerating_everything_is_not_tolerating_by_name() -> None:
    everything = Toleration(operator="Exists")
    by_name = Toleration(key=GPU_UNAVAILABLE, operator="Exists")

    assert not tolerated_by_name(DRAIN, [everything])
    assert tolerated_by_name(DRAIN, [everything, by_name])


def test_refused_nodes_go_and_the_rest_stay_in_order() -> None:
    unfit = {"b": assess(drained_node("b"))}

    sifted = sift(["c", "b", "a", "unknown"], (), unfit)

    assert sifted.passed == ["c", "a", "unknown"]
    assert {name: r.reason for name, r in sifted.refused.items()} == {
        "b": "railwatch: GpuUnavailable (drain)"
    }


def test_a_pod_that_tolerates_one_of_two_taints_is_refused_for_the_other() -> None:
    both = node(taints=[taint(GPU_UNAVAILABLE, "drain"), taint("railwatch.io/rdma-link-down", "")])
    tolerant = (Toleration(key=GPU_UNAVAILABLE, operator="Exists"),)

    sifted = sift(["gpu-1"], tolerant, {"gpu-1": assess(both)})

    assert sifted.refused["gpu-1"].condition == "RdmaLinkDown"


def test_a_pod_that_tolerates_all_passes_also_where_the_taint_is_still_to_come() -> None:
    implied = node(faults=[fault("cordon", "applied", device="node")])

    sifted = sift(["gpu-1"], (Toleration(operator="Exists"),), {"gpu-1": assess(implied)})

    assert sifted.passed == ["gpu-1"]


@given(
    names=st.lists(st.sampled_from("abcdef"), max_size=8),
    unfit=st.sets(st.sampled_from("abcdef")),
    tolerant=st.booleans(),
)
def test_the_answer_is_a_subset_in_order_and_only_the_unfit_are_missing(
    *, names: list[str], unfit: set[str], tolerant: bool
) -> None:
    known = {name: assess(drained_node(name)) for name in unfit}

    sifted = sift(names, (Toleration(operator="Exists"),) if tolerant else (), known)

    expected = [name for name in names if tolerant or name not in unfit]
    assert sifted.passed == expected
    assert set(sifted.refused) == set(names) - set(expected)
