"""What pods and nodes say of gangs, and what they can get wrong."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scheduler_feedback.gang.gather import FOREIGN_GATE, MALFORMED, NOT_GATED, gather
from scheduler_feedback.gang.model import Gang
from scheduler_feedback.gang.nodes import Barred, build_fleet, in_order, read_host
from scheduler_feedback.gang.pods import read_claim, read_member
from scheduler_feedback.gang.quantities import read_amounts, read_request
from scheduler_feedback.gang.room import measure
from tests.budget import examples

GPU = "nvidia.com/gpu"


def pod(name: str = "train-0", **changes: Any) -> dict[str, Any]:
    annotations = {"railwatch.io/gang-size": "2"} | changes.pop("annotations", {})
    spec = {
        "schedulingGates": [{"name": "railwatch.io/gang"}],
        "containers": [{"resources": {"requests": {GPU: "8", "cpu": "500m"}}}],
    } | changes.pop("spec", {})
    return {
        "metadata": {
            "namespace": "default",
            "name": name,
            "uid": name,
            "resourceVersion": "1",
            "creationTimestamp": "2026-11-22T00:00:00Z",
            "labels": {"railwatch.io/gang": "train"} | changes.pop("labels", {}),
            "annotations": annotations,
        },
        "spec": spec,
        "status": changes.pop("status", {}),
    }


def node(name: str, *, taints: list[dict[str, str]] | None = None, **labels: Any) -> dict[str, Any]:
    told = {key.replace("__", "/").replace("_", "-"): value for key, value in labels.items()}
    return {
        "metadata": {"name": name, "labels": {"kubernetes.io/hostname": name} | told},
        "spec": {"taints": taints or []},
        "status": {"allocatable": {GPU: "8", "cpu": "96", "memory": "1Ti", "pods": "110"}},
    }


def reasons(*pods: dict[str, Any]) -> list[str]:
    members = [member for member in map(read_member, pods) if member is not None]
    return [each.reason for each in gather(members, {}, None)[1]]


@pytest.mark.parametrize(
    ("resource", "text", "amount"),
    [
        ("cpu", "500m", 500),
        ("cpu", "2", 2000),
        ("cpu", "1u", 1),
        ("memory", "1Gi", 2**30),
        ("memory", "1500m", 2),
        (GPU, "8", 8),
        (GPU, "-1", 0),
        (GPU, "eight", 0),
        (GPU, "", 0),
        (GPU, "1e400", 2**50),
    ],
)
def test_amounts_are_whole_numbers_rounded_up(resource: str, text: str, amount: int) -> None:
    assert read_amounts({resource: text}) == {resource: amount}


def test_a_pod_asks_for_its_containers_or_its_largest_start_up_container() -> None:
    def container(gpus: str, **more: str) -> dict[str, Any]:
        return {"resources": {"limits": {GPU: gpus}}, **more}

    assert read_request({"containers": [container("2"), container("3")]}) == {GPU: 5}
    assert read_request(
        {"containers": [container("2")], "initContainers": [container("7"), container("3")]}
    ) == {GPU: 7}
    assert read_request(
        {
            "containers": [container("2")],
            "initContainers": [container("1", restartPolicy="Always"), container("4")],
        }
    ) == {GPU: 5}


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("gang-size", "many", "gang-size: 'many' is not 1 to"),
        ("gang-size", "0", "gang-size"),
        ("gang-size", "9" * 400, "gang-size"),
        ("gang-min", "3", "gang-min is above"),
        ("gang-topology-required", "rack", "'rack' is not a tier such as tier-0"),
        ("gang-slice-size", "-1", "gang-slice-size"),
    ],
)
def test_an_annotation_that_makes_no_sense_is_named(name: str, value: str, says: str) -> None:
    member = read_member(pod(annotations={f"railwatch.io/{name}": value}))

    assert member is not None
    assert member.terms is None
    assert says in member.problem


def test_ranks_come_from_the_labels_that_their_controllers_set() -> None:
    by_job = read_member(pod(labels={"batch.kubernetes.io/job-completion-index": "7"}))
    by_name = read_member(pod("train-11"))

    assert (by_job and by_job.index, by_name and by_name.index) == (7, 11)


def test_pods_that_contradict_each_other_are_no_gang() -> None:
    assert reasons(pod("a-0"), pod("a-1", annotations={"railwatch.io/gang-size": "3"})) == [
        MALFORMED
    ]


def running(name: str, **annotations: str) -> dict[str, Any]:
    told = {f"railwatch.io/gang-{key.replace('_', '-')}": text for key, text in annotations.items()}
    return pod(name, annotations=told, spec={"nodeName": "n0", "schedulingGates": []})


def gathered(*pods: dict[str, Any]) -> Gang:
    members = [member for member in map(read_member, pods) if member is not None]
    (group,), unfit = gather(members, {}, None)
    assert unfit == []
    return group.gang


@pytest.mark.parametrize("size", ["1", "3"])
def test_the_size_of_a_running_gang_is_what_its_waiting_pods_say(size: str) -> None:
    waiting = pod("a-2", annotations={"railwatch.io/gang-size": size})

    gang = gathered(running("a-0"), running("a-1"), waiting)

    assert (gang.size, gang.least) == (int(size), int(size))
    assert [rank.name for rank in gang.waiting] == ["a-2"]


def test_pods_of_a_running_gang_may_be_told_its_new_size_one_by_one() -> None:
    gang = gathered(running("a-0", size="3"), running("a-1"))

    assert not gang.waiting


def test_pods_of_a_running_gang_may_differ_in_nothing_but_its_size() -> None:
    waiting = pod("a-2", annotations={"railwatch.io/gang-topology-required": "tier-1"})

    assert reasons(running("a-0"), waiting) == [MALFORMED]


def test_a_gang_that_another_gate_holds_too_waits_for_it() -> None:
    gates = [{"name": "railwatch.io/gang"}, {"name": "kueue.x-k8s.io/topology"}]

    assert reasons(pod(spec={"schedulingGates": gates})) == [FOREIGN_GATE]


def test_a_pod_without_our_gate_is_said() -> None:
    assert reasons(pod(spec={"schedulingGates": []})) == [NOT_GATED]


def test_a_users_own_hostname_selector_is_no_pin_of_ours() -> None:
    member = read_member(pod(spec={"nodeSelector": {"kubernetes.io/hostname": "n1"}}))

    assert member is not None
    assert member.pin == ""


def test_what_runs_is_taken_off_what_a_node_has() -> None:
    running = pod(spec={"nodeName": "n0"})
    claim = read_claim(running)
    assert claim is not None

    fleet = build_fleet([read_host(node("n0")), read_host(node("n1"))], [claim])

    assert fleet.room({GPU: 1}).tolist() == [0, 8]


def test_a_pod_that_has_ended_takes_nothing() -> None:
    ended = pod(spec={"nodeName": "n0"}, status={"phase": "Succeeded"})

    assert read_claim(ended) is None
    assert read_member(ended) is None


def test_a_leaf_of_one_name_under_two_spines_is_two_leaves() -> None:
    hosts = [
        read_host(
            node(
                f"n{spine}",
                **{  # type: ignore[arg-type] # a label
                    "topology.railwatch.io__tier_0": "leaf-1",
                    "topology.railwatch.io__tier_1": f"spine-{spine}",
                },
            )
        )
        for spine in range(2)
    ]

    fleet = build_fleet(in_order(hosts), [])

    assert fleet.tiers[0].tolist() == [0, 1]
    assert fleet.domains == (("leaf-1", "leaf-1"), ("spine-0", "spine-1"))


def test_topographs_labels_are_read_where_ours_are_missing() -> None:
    host = read_host(node("n0", **{"network.topology.nvidia.com__leaf": "sw3"}))  # type: ignore[arg-type] # a label

    assert host.tiers == ("", "sw3")


@pytest.mark.parametrize(
    ("changes", "admitted"),
    [
        ({}, False),
        ({"tolerations": [{"operator": "Exists"}]}, True),
        ({"tolerations": [{"operator": "Exists"}], "nodeSelector": {"pool": "b"}}, False),
        (
            {
                "tolerations": [{"operator": "Exists"}],
                "affinity": {
                    "nodeAffinity": {
                        "requiredDuringSchedulingIgnoredDuringExecution": {
                            "nodeSelectorTerms": [
                                {
                                    "matchExpressions": [
                                        {"key": "pool", "operator": "In", "values": ["a"]},
                                        {"key": "gen", "operator": "Gt", "values": ["3"]},
                                    ]
                                }
                            ]
                        }
                    }
                },
            },
            True,
        ),
    ],
)
def test_taints_selectors_and_affinity_bar_nodes(changes: dict[str, Any], admitted: bool) -> None:  # noqa: FBT001 - a case
    tainted = node(
        "n0", taints=[{"key": "k", "value": "v", "effect": "NoSchedule"}], pool="a", gen="4"
    )
    member = read_member(pod(spec=changes))
    assert member is not None

    assert (Barred([read_host(tainted)]).of(member).tolist() == []) is admitted


def test_a_cordoned_node_and_one_without_a_hostname_are_not_used() -> None:
    cordoned = node("n0")
    cordoned["spec"]["unschedulable"] = True
    nameless = node("n1")
    nameless["metadata"]["labels"] = {}
    member = read_member(pod())
    assert member is not None

    hosts = [read_host(cordoned), read_host(nameless), read_host(node("n2"))]

    assert Barred(hosts).of(member).tolist() == [0, 1]


def test_room_tells_pieces_from_whole_nodes_and_leaves_out_closed_ones() -> None:
    leaf = "topology.railwatch.io__tier_0"
    hosts = [read_host(node(f"n{n}", taints=[], **{leaf: f"leaf-{n // 2}"})) for n in range(4)]
    hosts.append(
        read_host(node("n4", taints=[{"key": "k", "effect": "NoSchedule"}], **{leaf: "leaf-1"}))
    )
    claim = read_claim(
        pod(
            spec={
                "nodeName": "n0",
                "containers": [{"resources": {"requests": {GPU: "3"}}}],
            }
        )
    )
    assert claim is not None

    room = measure(hosts, build_fleet(hosts, [claim]), build_fleet(hosts, []))

    assert (room.idle, room.broken) == (29, 5)
    assert room.largest == {"tier-0": 2, "cluster": 3}


JUNK = st.text(max_size=20) | st.sampled_from(["tier-0", "tier-99", "2", "1Gi", "-3", "nan", "1e9"])


@settings(max_examples=examples(300), deadline=None)
@given(
    annotations=st.dictionaries(
        st.sampled_from(
            [
                f"railwatch.io/gang-{name}"
                for name in ("size", "min", "topology-required", "slice-size", "placed")
            ]
        ),
        JUNK,
    ),
    amounts=st.dictionaries(st.sampled_from([GPU, "cpu", "memory", "pods"]), JUNK),
    labels=st.dictionaries(
        st.sampled_from(
            ["topology.railwatch.io/tier-0", "batch.kubernetes.io/job-completion-index"]
        ),
        JUNK,
    ),
)
def test_hostile_annotations_labels_and_amounts_are_survived(
    annotations: dict[str, str], amounts: dict[str, str], labels: dict[str, str]
) -> None:
    member = read_member(
        pod(
            annotations=annotations,
            labels=labels,
            spec={"containers": [{"resources": {"requests": amounts}}]},
        )
    )
    told = node("n0")
    told["metadata"]["labels"] |= labels
    told["status"]["allocatable"] = amounts
    fleet = build_fleet([read_host(told)], [])

    assert member is not None
    assert (fleet.free >= 0).all()
    assert (fleet.room(member.request) >= 0).all()
    groups, unfit = gather([member], {}, None)
    assert len(groups) + len(unfit) == 1
