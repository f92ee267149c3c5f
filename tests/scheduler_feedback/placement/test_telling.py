"""What `explain` says of a pod's preferences and shares."""

from typing import Any

from scheduler_feedback.placement.telling import Known, Terms, tell
from scheduler_feedback.pools import Pools
from tests.scheduler_feedback.objects import fault
from tests.scheduler_feedback.objects import node as healthy
from tests.scheduler_feedback.share.world import sharing_pod

POOLS = Pools(label="pool", order=("own", "leased"))


def node(name: str, pool: str, leaf: str = "", **amounts: str) -> dict[str, Any]:
    tier = {"topology.railwatch.io/tier-0": leaf} if leaf else {}
    made = healthy(name, labels={"pool": pool, **tier})
    made["status"]["allocatable"] = {"nvidia.com/gpu": "8", "cpu": "96", **amounts}
    return made


def rank(name: str, on: str = "") -> dict[str, Any]:
    limits = {"nvidia.com/gpu": "8"}
    return {
        "metadata": {
            "namespace": "ml",
            "name": name,
            "uid": name,
            "labels": {"railwatch.io/gang": "train"},
        },
        "spec": {"nodeName": on, "containers": [{"resources": {"limits": limits}}]},
    }


def said(
    pod: dict[str, Any], nodes: list[Any], *pods: Any, policy: str = "none"
) -> tuple[str, ...]:
    known = Known(nodes=nodes, pods=pods, namespaces=[])
    return tell(pod, known, Terms(policy=policy, pools=POOLS))


def test_each_wish_that_narrows_the_choice_is_told_with_what_it_leaves() -> None:
    nodes = [
        node("own-1", "own", "leaf-1"),
        node("own-2", "own", "leaf-2"),
        node("own-3", "own", "leaf-2"),
        node("leased-1", "leased", "leaf-1"),
    ]

    lines = said(rank("rank-1"), nodes, rank("rank-0", "own-1"), policy="spread")

    assert lines == (
        "preferred among the clean nodes:",
        "  in the first pool among them: 3 of 4",
        "  nearest to its gang's ranks: 1 of 3",
        "  best by the policy spread: 1 of 1",
        "  left: own-1",
    )


def test_a_pod_without_wishes_is_told_of_none() -> None:
    worn = healthy("worn", faults=[fault("drain", "withheld")])

    assert said({"metadata": {"name": "a"}}, [worn]) == ()
    assert said({"metadata": {"name": "a"}}, []) == ()


def test_where_shares_have_room_is_told_with_what_is_asked() -> None:
    shares = {"railwatch.io/gpu-milli": "1000", "railwatch.io/gpu-memory-mib": "80000"}
    nodes = [node(f"n-{number}", "own", **shares) for number in range(10)]
    taken = sharing_pod("taken", 800, 1000)
    taken["spec"]["nodeName"] = "n-0"

    lines = said(sharing_pod("asked", 500, 1000), nodes, taken)

    assert lines[0] == (
        "shares: 500 thousandths and 1000 MiB of 1 GPU: room on "
        "n-1, n-2, n-3, n-4, n-5, n-6, n-7, n-8 and 1 more"
    )
    assert "more than one GPU must be whole" in said(sharing_pod("odd", 1500), nodes)[0]
