"""Why a pod may or may not use each node."""

import json
from dataclasses import replace
from typing import Any

from scheduler_feedback.explain import MOST_EVIDENCE, MOST_KINDS, MOST_NODES, as_json, as_text
from scheduler_feedback.explain import explain as told
from tests.scheduler_feedback.objects import (
    GPU_UNAVAILABLE,
    drained_node,
    fault,
    node,
    pod,
    taint,
)


def test_nodes_alike_are_told_as_one_best_first() -> None:
    worn = node("worn", faults=[fault("avoid", "withheld")])
    seen = told(pod(), [drained_node("bad-1"), node("b"), worn, node("a"), drained_node("bad-0")])

    assert [(kind.refused, kind.score, kind.why, kind.nodes) for kind in seen.kinds] == [
        (False, 10, "no known fault", ("a", "b")),
        (False, 7, "GpuUnavailable (avoid)", ("worn",)),
        (True, None, "GpuUnavailable (drain)", ("bad-0", "bad-1")),
    ]
    assert (seen.usable, seen.refused) == (3, 2)


def test_a_fault_is_told_with_its_device_and_time() -> None:
    seen = told(pod(), [drained_node("bad")])

    assert seen.kinds[0].evidence == (
        "bad: GpuFellOffBus on gpu-1 (GPU-1) since 2026-11-01T00:00:00Z, applied",
    )


def test_a_taint_is_the_evidence_where_no_fault_is_known() -> None:
    seen = told(pod(), [node("bad", taints=[taint(GPU_UNAVAILABLE, "cordon")])])

    assert seen.kinds[0].evidence == ("bad: taint railwatch.io/gpu-unavailable=cordon:NoSchedule",)


def test_a_reboot_that_nobody_verified_is_told() -> None:
    verified = {"railwatch.io/verified-boot": "boot-0"}

    seen = told(pod(), [node("new", annotations=verified, boot_id="boot-1")])

    assert seen.kinds[0].why == "AcceleratorsUnverified (cordon)"
    assert seen.kinds[0].evidence == ("new: it rebooted since it was last verified",)


def test_an_unreadable_annotation_and_lost_telemetry_are_told() -> None:
    garbled = node("garbled", devices="{")
    blind = node("blind", conditions={"GpuUnavailable": "Unknown"})

    seen = told(pod(), [garbled, blind])

    assert seen.kinds[0].why == "something about it cannot be seen"
    assert seen.kinds[0].evidence[0].startswith("garbled: devices annotation is not JSON")


def test_a_tolerant_pod_may_use_the_node_at_its_score() -> None:
    tolerant = pod(tolerations=[{"operator": "Exists"}])

    seen = told(tolerant, [drained_node("bad")])

    assert [(k.refused, k.score, k.why) for k in seen.kinds] == [
        (False, 2, "GpuUnavailable (drain)")
    ]


def test_the_answer_does_not_grow_with_the_cluster() -> None:
    many = [drained_node(f"bad-{i:04}") for i in range(2000)]
    strange = [
        node(f"odd-{i}", faults=[fault(condition=f"C{i}", action="withheld")]) for i in range(60)
    ]

    seen = told(pod(), [*many, *strange])

    assert len(seen.kinds) == MOST_KINDS
    assert seen.untold == 61 - MOST_KINDS
    assert max(len(kind.nodes) for kind in seen.kinds) <= MOST_NODES
    assert max(len(kind.evidence) for kind in seen.kinds) <= MOST_EVIDENCE
    assert (seen.usable, seen.refused) == (60, 2000)
    assert len(as_text(seen)) < 10_000
    assert f"and {61 - MOST_KINDS} kinds more" in as_text(seen)


def test_what_others_wrote_is_cut_and_steers_no_terminal() -> None:
    rude = replace(fault(), evidence="\x1b[2J" + "x" * 5000)

    (kind,) = told(pod(), [node("rude", faults=[rude])]).kinds

    assert "\ufffd[2Jxxx" in kind.evidence[0]
    assert kind.evidence[0].isprintable()
    assert len(kind.evidence[0]) < 400


def test_it_reads_well() -> None:
    pending: dict[str, Any] = pod("train-0", namespace="ml")
    pending["spec"]["schedulerName"] = "railwatch-scheduler"
    pending["status"]["conditions"] = [
        {"type": "PodScheduled", "status": "False", "message": "0/10 nodes are available"}
    ]
    seen = told(pending, [node("clean"), *(drained_node(f"bad-{i}") for i in range(9))])

    lines = as_text(seen).splitlines()
    first_eight = ", ".join(f"bad-{i}" for i in range(8))

    assert lines[:4] == [
        "ml/train-0 has no node yet (scheduler railwatch-scheduler)",
        "by their hardware it may use 1 node; 9 refused",
        "  score 10  no known fault: 1 node: clean",
        f"  refused   GpuUnavailable (drain): 9 nodes: {first_eight} and 1 more",
    ]
    assert lines[-1] == "kube-scheduler says: 0/10 nodes are available"
    assert json.loads(json.dumps(as_json(seen)))["kinds"][1]["count"] == 9
