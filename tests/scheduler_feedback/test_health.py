"""What a Node object means: refusals, drains, grade."""

import json
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.conditions import CONDITIONS
from catalog.verdicts import Verdict
from catalog.wire import ACTIONS, DeviceFault
from scheduler_feedback.health import Grade, assess
from tests.scheduler_feedback.objects import (
    GPU_UNAVAILABLE,
    LINK_DEGRADED,
    drained_node,
    fault,
    node,
    taint,
)


def test_a_node_without_a_word_from_the_bridge_is_clean() -> None:
    health = assess({"metadata": {"name": "gpu-1"}})

    assert (health.refusals, health.drains, health.grade) == ((), (), Grade())


def test_an_applied_taint_refuses_in_bounded_words() -> None:
    health = assess(node(taints=[taint(GPU_UNAVAILABLE, "drain")]))

    assert [refusal.reason for refusal in health.refusals] == ["railwatch: GpuUnavailable (drain)"]


def test_the_worst_refusal_comes_first() -> None:
    taints = [taint("railwatch.io/rdma-link-down", "cordon"), taint(GPU_UNAVAILABLE, "drain")]

    health = assess(node(taints=taints))

    assert [refusal.condition for refusal in health.refusals] == ["GpuUnavailable", "RdmaLinkDown"]


def test_a_taint_that_only_prefers_does_not_refuse_but_grades() -> None:
    health = assess(node(taints=[taint(LINK_DEGRADED, "avoid", "PreferNoSchedule")]))

    assert health.refusals == ()
    assert health.grade.verdict is Verdict.AVOID


@pytest.mark.parametrize("key", ["nvidia.com/gpu", "railwatch.io.example/x", "railwatch.iox/y"])
def test_taints_of_others_are_left_to_kube_scheduler(key: str) -> None:
    health = assess(node(taints=[taint(key, "drain")]))

    assert (health.refusals, health.unvouched, health.grade) == ((), (), Grade())


def test_a_condition_of_a_newer_bridge_refuses_without_a_new_word() -> None:
    health = assess(node(taints=[taint("railwatch.io/brand-new", "whatever")]))

    assert [refusal.reason for refusal in health.refusals] == ["railwatch: unknown (cordon)"]


def test_another_prefix_is_looked_for_where_it_is_set() -> None:
    ours = node(taints=[taint("gpu.example/gpu-unavailable", "cordon")])

    assert assess(ours, "gpu.example").refusals
    assert not assess(ours).refusals


def test_a_drain_taint_drains_only_with_an_applied_drain_fault_behind_it() -> None:
    assert [drain.condition for drain in assess(drained_node()).drains] == ["GpuUnavailable"]


@pytest.mark.parametrize(
    "faults",
    [
        [],
        [fault("drain", "withheld")],
        [fault("drain", "blind")],
        [fault("cordon", "applied")],
        [fault("drain", "applied", condition="GpuMemoryFault")],
    ],
)
def test_a_drain_taint_that_nothing_applied_stands_behind_refuses_and_never_drains(
    faults: list[DeviceFault],
) -> None:
    health = assess(node(taints=[taint(GPU_UNAVAILABLE, "drain")], faults=faults))

    assert health.drains == ()
    assert [refusal.condition for refusal in health.unvouched] == ["GpuUnavailable"]
    assert health.refusals


def test_a_drain_is_as_young_as_the_youngest_fault_behind_it() -> None:
    taints = [taint(GPU_UNAVAILABLE, "drain"), taint("railwatch.io/gpu-memory-fault", "drain")]
    older = fault("drain", since="2026-11-01T00:00:00Z")
    younger = fault("drain", condition="GpuMemoryFault", since="2026-11-01T00:01:00Z")

    health = assess(node(taints=taints, faults=[younger, older]))

    assert health.drain_since == datetime(2026, 11, 1, 0, 1, tzinfo=UTC).timestamp()


def test_an_applied_drain_without_a_taint_drains_nothing() -> None:
    health = assess(node(faults=[fault("drain", "applied", device="node")]))

    assert health.drains == ()
    assert [refusal.reason for refusal in health.refusals] == ["railwatch: GpuUnavailable (drain)"]


def test_a_fault_fenced_to_its_device_leaves_the_node_open_and_ranks_it_lower() -> None:
    health = assess(node(faults=[fault("drain", "applied", device="GPU-7")]))

    assert health.refusals == ()
    assert health.grade == Grade(verdict=Verdict.DRAIN, devices=1)


def test_an_implied_refusal_is_not_told_twice() -> None:
    whole = fault("drain", "applied", device="node")

    health = assess(node(taints=[taint(GPU_UNAVAILABLE, "drain")], faults=[whole]))

    assert len(health.refusals) == 1


def test_withheld_faults_are_graded_by_their_worst_and_counted_by_device() -> None:
    faults = [fault("cordon", "withheld", f"GPU-{i}") for i in range(3)]

    health = assess(node(faults=[*faults, fault("avoid", "applied", "GPU-9")]))

    assert health.grade == Grade(verdict=Verdict.CORDON, devices=3)


@pytest.mark.parametrize(
    "devices",
    [
        "{",
        "[]",
        '{"GPU-1":[7]}',
        '{"GPU-1":[{"action":"maybe"}]}',
        json.dumps({"GPU-1": [{"verdict": "explode", "action": "applied"}]}),
        json.dumps({"GPU-1": [{"verdict": "drain", "action": "applied", "since": "soon"}]}),
        json.dumps({"GPU-1": [{"verdict": "drain", "action": "applied", "since": "2026-11-01"}]}),
        "[" * 100_000,
    ],
)
def test_a_malformed_annotation_is_survived_and_the_taints_still_count(devices: str) -> None:
    health = assess(node(taints=[taint(GPU_UNAVAILABLE, "drain")], devices=devices))

    assert health.malformed
    assert health.refusals
    assert health.drains == ()
    assert health.grade.blind


def test_a_condition_gone_unknown_makes_a_node_blind() -> None:
    assert assess(node(conditions={"GpuUnavailable": "Unknown"})).grade.blind
    assert not assess(node(conditions={"Ready": "Unknown"})).grade.blind


def test_a_node_that_rebooted_since_it_was_verified_is_refused() -> None:
    verified = {"railwatch.io/verified-boot": "boot-1"}

    same = assess(node(annotations=verified, boot_id="boot-1"))
    rebooted = assess(node(annotations=verified, boot_id="boot-2"))

    assert same.refusals == ()
    assert [r.reason for r in rebooted.refusals] == ["railwatch: AcceleratorsUnverified (cordon)"]


def test_hands_off_is_seen() -> None:
    assert not assess(node(labels={"railwatch.io/managed": "false"})).managed
    assert assess(node(labels={"railwatch.io/managed": "true"})).managed


_verdicts = st.sampled_from([verdict.label for verdict in Verdict])
_faults = st.builds(
    fault,
    verdict=_verdicts,
    action=st.sampled_from(ACTIONS),
    device=st.sampled_from(["node", "GPU-1", "GPU-2", "mlx5_0+1"]),
    condition=st.sampled_from([condition.type for condition in CONDITIONS]),
)
_taints = st.builds(
    taint,
    key=st.sampled_from(
        [*(f"railwatch.io/{c.taint}" for c in CONDITIONS), "railwatch.io/new", "other/key"]
    ),
    value=_verdicts | st.text(max_size=8),
    effect=st.sampled_from(["NoSchedule", "PreferNoSchedule", "NoExecute"]),
)


@given(st.lists(_taints, max_size=4), st.lists(_faults, max_size=4))
def test_nothing_is_drained_that_is_not_tainted_so_and_vouched_for(
    taints: list[dict[str, str]], faults: list[DeviceFault]
) -> None:
    health = assess(node(taints=taints, faults=faults))

    for drain in health.drains:
        assert drain in health.refusals
        assert drain.taint.value == "drain"
        assert any(
            (f.condition, f.verdict, f.action) == (drain.condition, "drain", "applied")
            for f in faults
        )


@given(st.text(max_size=200))
def test_no_annotation_text_raises(devices: str) -> None:
    assert assess(node(devices=devices)).name == "gpu-1"
