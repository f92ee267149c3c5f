"""Who holds how much."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exporters.allocation.devices import Devices, Gpu, Part, Place
from exporters.allocation.pod_resources import Holding
from exporters.allocation.shares import MOST, Shares, shares
from exporters.allocation.turns import MOST as MOST_OF_A_GPU
from tests.budget import examples

ONE = "GPU-11111111-8024-5293-9cdc-b996da010db9"
TWO = "GPU-22222222-8024-5293-9cdc-b996da010db9"
DEVICES = Devices([Gpu(index=0, uuid=ONE, minor=0), Gpu(index=1, uuid=TWO, minor=1)])
FIRST = Place(gpu="0", uuid=ONE)
RESOURCE = "nvidia.com/gpu"


def held(pod: str, device: str, *, container: str = "main", claimed: bool = False) -> Holding:
    return Holding(
        namespace="default",
        pod=pod,
        container=container,
        source="gpu.nvidia.com" if claimed else RESOURCE,
        device=device,
        claimed=claimed,
    )


def of(found: Shares, place: Place = FIRST) -> dict[str, float]:
    return {user.pod: part for user, part in found.parts.get(place, {}).items()}


def test_who_has_a_gpu_alone_has_all_of_it() -> None:
    assert of(shares(DEVICES, [held("a", ONE)], [(RESOURCE, ONE), (RESOURCE, TWO)])) == {"a": 1}


def test_replicas_are_shares_and_what_nobody_has_is_nobodys() -> None:
    offered = [(RESOURCE, f"{ONE}::{n}") for n in range(4)]
    pods = [held("a", f"{ONE}::0"), held("a", f"{ONE}::2"), held("b", f"{ONE}::1")]

    assert of(shares(DEVICES, pods, offered)) == {"a": 0.5, "b": 0.25}


def test_without_a_word_on_what_there_is_the_holders_have_it_all() -> None:
    pods = [held("a", f"{ONE}::0"), held("b", f"{ONE}::1")]

    assert of(shares(DEVICES, pods, [])) == {"a": 0.5, "b": 0.5}


def test_an_unhealthy_replica_that_is_held_still_counts() -> None:
    offered = [(RESOURCE, f"{ONE}::1")]

    assert of(shares(DEVICES, [held("a", f"{ONE}::0")], offered)) == {"a": 0.5}


def test_a_claim_that_pods_share_is_theirs_in_equal_parts() -> None:
    pods = [held(name, "gpu-0", claimed=True) for name in "abcd"]

    assert of(shares(DEVICES, pods, [])) == dict.fromkeys("abcd", 0.25)


def test_containers_of_a_pod_have_their_own_parts() -> None:
    pods = [held("a", ONE), held("a", ONE, container="sidecar")]

    (parts,) = shares(DEVICES, pods, []).parts.values()
    assert sorted((u.container, part) for u, part in parts.items()) == [
        ("main", 0.5),
        ("sidecar", 0.5),
    ]


def test_a_number_that_means_no_gpu_is_left_out_and_counted() -> None:
    assert shares(DEVICES, [held("a", "7")], []) == Shares(parts={}, omitted=1)


def test_too_many_are_cut_the_same_way_each_time_and_counted() -> None:
    pods = [held(f"pod-{n:03}", f"{ONE}::{n}") for n in range(100)]

    found = shares(DEVICES, pods, [])
    again = shares(DEVICES, reversed(pods), [])

    assert len(of(found)) == MOST_OF_A_GPU
    assert found.omitted == 100 - MOST_OF_A_GPU
    assert of(found) == of(again)


def test_the_mig_devices_of_a_gpu_share_its_names() -> None:
    migs = [f"MIG-{n:08x}-8024-5293-9cdc-b996da010db9" for n in range(7)]
    divided = Devices(
        [Gpu(index=0, uuid=ONE, parts=tuple(Part(uuid=mig, gi="7", ci="0") for mig in migs))]
    )
    pods = [held(f"pod-{n:02}", f"{mig}::{n}") for mig in migs for n in range(9)]

    found = shares(divided, pods, [])

    assert sum(map(len, found.parts.values())) == MOST_OF_A_GPU
    assert {len(users) for users in found.parts.values()} == {2, 3}
    assert found.omitted == 7 * 9 - MOST_OF_A_GPU


def test_the_node_has_a_limit_too() -> None:
    pods = [
        held(f"pod-{n}", f"GPU-{gpu:08x}-8024-5293-9cdc-b996da010db9::{n}")
        for gpu in range(100)
        for n in range(16)
    ]

    found = shares(DEVICES, pods, [])

    assert sum(map(len, found.parts.values())) == MOST
    assert found.omitted == 1600 - MOST


@pytest.mark.fuzz
@settings(max_examples=examples(100), deadline=None)
@given(
    st.lists(
        st.builds(
            held,
            st.sampled_from("abc"),
            st.sampled_from((ONE, TWO, "0", *(f"{ONE}::{n}" for n in range(3)), "9")),
            container=st.sampled_from(("main", "other")),
        ),
        max_size=12,
    ),
    st.lists(st.sampled_from([(RESOURCE, f"{ONE}::{n}") for n in range(4)]), max_size=4),
)
def test_parts_never_make_more_than_the_whole(
    pods: list[Holding], offered: list[tuple[str, str]]
) -> None:
    found = shares(DEVICES, pods, offered)

    for parts in found.parts.values():
        assert all(part > 0 for part in parts.values())
        assert sum(parts.values()) <= 1 + 1e-9
