"""Small worlds for the pure decision: nodes, what sources say of them, and time that is given."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from catalog.verdicts import Verdict
from health_bridge import proofs
from health_bridge.alerts import Finding
from health_bridge.apply import condition_patches, main_patch
from health_bridge.decide import Decision, decide
from health_bridge.nodes import ConditionState, Keys, Node, Taint, read_node
from health_bridge.outcome import Memory
from health_bridge.policy import Policy
from health_bridge.sight import Sight, Witness
from health_bridge.steps import (
    NodeSteps,
    RemoveCondition,
    SetCondition,
)
from tests.health_bridge.site import PROOFS

KNOWN = proofs.load(str(PROOFS))
SOURCE = "http://prometheus"
NOW = 1_800_000_000
ALL = frozenset({"gpu/state", "rdma/port"})
FOREIGN = Taint(key="example.com/mine", value="", effect="NoSchedule", rest=(("timeAdded", "t"),))


def node(name: str, **fields: Any) -> Node:
    return Node(**{"name": name, "uid": f"uid-{name}", "version": "1", **fields})


def policy(**fields: Any) -> Policy:
    return Policy(**{"proofs": KNOWN, "verdict_max": Verdict.DRAIN, "budget": "100%", **fields})


def lost_gpu(node: str, **fields: Any) -> Finding:
    told: dict[str, Any] = {
        "node": node,
        "device": f"GPU-{node}",
        "name": "GPU 3",
        "fault": "GpuFellOffBus",
        "condition": "GpuUnavailable",
        "verdict": Verdict.DRAIN,
        "firing": True,
        "confirmed": True,
        "since": NOW - 60,
        "evidence": "Xid 79",
    }
    return Finding(**{**told, **fields})


def link_down(node: str, **fields: Any) -> Finding:
    return lost_gpu(
        node,
        **{
            "device": f"guid-{node}",
            "name": "mlx5_0/1",
            "fault": "RdmaLinkDown",
            "condition": "RdmaLinkDown",
            "verdict": Verdict.CORDON,
            **fields,
        },
    )


def sight(  # noqa: PLR0913 - all by keyword
    *findings: Finding,
    nodes: Iterable[str] = (),
    now: float = NOW,
    proven: Iterable[tuple[str, str, str]] = (),
    boots: Mapping[str, float] | None = None,
    resets: Mapping[tuple[str, str], float] | None = None,
    complete: bool = True,
) -> Sight:
    """One Prometheus that observes everything of `nodes`."""
    witness = Witness(
        observed=dict.fromkeys(nodes, ALL),
        proven=frozenset(proven),
        boot_times=boots or {},
        reset_times=resets or {},
    )
    return Sight(now=now, findings=findings, witnesses={SOURCE: witness}, complete=complete)


def blind(*findings: Finding, now: float = NOW) -> Sight:
    """No Prometheus answers."""
    return Sight(now=now, findings=findings, witnesses={})


def document(at: Node) -> dict[str, Any]:
    """Return the Node object that reads as this node."""
    annotations = {
        Keys().devices: at.devices,
        Keys().owned: at.owned,
        Keys().verified: at.verified,
    }
    ready = {"type": "Ready", "status": "True" if at.ready else "False"}
    return {
        "metadata": {
            "name": at.name,
            "uid": at.uid,
            "resourceVersion": at.version,
            "labels": {} if at.managed else {Keys().managed: "false"},
            "annotations": {key: text for key, text in annotations.items() if text is not None},
        },
        "spec": {
            "unschedulable": at.cordoned,
            "taints": [taint.document() for taint in at.taints],
        },
        "status": {
            "conditions": [
                ready,
                *(
                    {
                        "type": kind,
                        "status": state.status,
                        "reason": state.reason,
                        "message": state.message,
                    }
                    for kind, state in at.conditions.items()
                ),
            ]
        },
    }


def write_main(at: Node, plan: NodeSteps) -> Node:
    """Return the node after the first of the two writes: annotations and taints."""
    patch = main_patch(at, plan.steps)
    made = document(at)
    for key, text in patch["metadata"].get("annotations", {}).items():
        made["metadata"]["annotations"][key] = text
    if "spec" in patch:
        made["spec"]["taints"] = patch["spec"]["taints"]
    return read_node(made, Keys())


def write_conditions(at: Node, plan: NodeSteps) -> Node:
    """Return the node after the second write."""
    assert len(condition_patches(plan.steps, NOW)) == sum(
        isinstance(step, SetCondition | RemoveCondition) for step in plan.steps
    )
    conditions = dict(at.conditions)
    for step in plan.steps:
        if isinstance(step, SetCondition):
            conditions[step.type] = step.state
        elif isinstance(step, RemoveCondition):
            del conditions[step.type]
    return replace(at, conditions=conditions)


def written(nodes: Sequence[Node], decision: Decision) -> list[Node]:
    """Return the nodes after every step of a decision."""
    plans = {plan.node.name: plan for plan in decision.plans}
    return [
        write_conditions(write_main(each, plans[each.name]), plans[each.name])
        if each.name in plans
        else each
        for each in nodes
    ]


def run(
    nodes: Sequence[Node], *sights: Sight, under: Policy | None = None, memory: Memory | None = None
) -> list[Node]:
    """Return the nodes after one cycle for each sight."""
    known: Memory = memory or {}
    now = list(nodes)
    for seen in sights:
        decision = decide(now, seen, under or policy(), known)
        known = decision.memory
        now = written(now, decision)
    return now


def status(at: Node, condition: str = "GpuUnavailable") -> str | None:
    state = at.conditions.get(condition)
    return state.status if state else None


def our_taints(at: Node) -> dict[str, tuple[str, str]]:
    """Return what of ours is on a node: short key → value and effect."""
    return {
        taint.key.removeprefix("railwatch.io/"): (taint.value, taint.effect)
        for taint in at.taints
        if taint.key.startswith("railwatch.io/")
    }


def true(reason: str = "GpuFellOffBus") -> ConditionState:
    return ConditionState(status="True", reason=reason, message="")
