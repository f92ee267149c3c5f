"""Small worlds for the pure decision: nodes, what sources say of them, and time that is given."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from catalog.faults import Recovery, Scope
from catalog.rails import NodePlaces, PortPlace, dump_rails
from catalog.verdicts import Verdict
from health_bridge.cluster.apply import condition_patches, main_patch
from health_bridge.decision import proofs
from health_bridge.decision.alerts import Finding
from health_bridge.decision.decide import Decision, decide
from health_bridge.decision.nodes import ConditionState, Keys, Node, Taint, read_node
from health_bridge.decision.outcome import Memory
from health_bridge.decision.policy import Policy
from health_bridge.decision.proofs import Proof
from health_bridge.decision.record import format_time
from health_bridge.decision.sight import Sight, Witness
from health_bridge.decision.steps import (
    NodeSteps,
    RemoveCondition,
    SetCondition,
)
from tests.health_bridge.site import PROOFS

KNOWN = proofs.load(str(PROOFS))
SOURCE = "http://prometheus"
NOW = 1_800_000_000
ALL = frozenset({"gpu/state", "rdma/port"})
LINE = "topology.railwatch.io/line"
KEYS = Keys(labels=frozenset({LINE, "pool"}))
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
    soaks: int = 1,
) -> Sight:
    """One Prometheus that observes everything of `nodes`."""
    witness = Witness(
        observed=dict.fromkeys(nodes, ALL),
        proven=frozenset((*each, soaks) for each in proven),
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
        Keys().verified_boot: at.verified_boot,
        Keys().rails: _rails(at) if at.leaves else None,
    }
    ready = {"type": "Ready", "status": "True" if at.ready else "False"}
    return {
        "metadata": {
            "name": at.name,
            "uid": at.uid,
            "resourceVersion": at.version,
            "creationTimestamp": format_time(at.created),
            "labels": {
                **({} if at.managed else {Keys().managed: "false"}),
                **{f"{Keys().tier}{tier}": domain for tier, domain in at.tiers.items()},
                **at.labels,
            },
            "annotations": {key: text for key, text in annotations.items() if text is not None},
        },
        "spec": {
            "unschedulable": at.cordoned,
            "taints": [taint.document() for taint in at.taints],
        },
        "status": {
            "nodeInfo": {"bootID": at.boot},
            "capacity": {"nvidia.com/gpu": str(at.gpus[0])},
            "allocatable": {"nvidia.com/gpu": str(at.gpus[1])},
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
            ],
        },
    }


def _rails(at: Node) -> str:
    ports = (
        PortPlace(device=f"mlx5_{rail}", port="1", role="compute", rail=rail, leaf=leaf)
        for rail, leaf in enumerate(at.leaves)
    )
    return dump_rails(NodePlaces(gpus=(), ports=tuple(ports)))


def write_main(at: Node, plan: NodeSteps) -> Node:
    """Return the node after the first of the two writes: annotations and taints."""
    patch = main_patch(at, plan.steps)
    made = document(at)
    for key, text in patch["metadata"].get("annotations", {}).items():
        made["metadata"]["annotations"][key] = text
    if "spec" in patch:
        made["spec"]["taints"] = patch["spec"]["taints"]
    return read_node(made, KEYS)


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


def _proof(fault: str, condition: str, scope: Scope, identity: str, facility: str) -> Proof:
    return Proof(
        fault=fault,
        condition=condition,
        scope=scope,
        verdict=Verdict.CORDON,
        identity=identity,
        recovery=Recovery.NONE,
        soak=60.0,
        facilities=(facility,),
        query="healthy{$selector}",
    )


WIDE = replace(
    KNOWN,
    faults={
        **KNOWN.faults,
        "LeafDown": _proof("LeafDown", "FabricFault", Scope.DOMAIN, "domain", "fabric/links"),
        "UplinkLossy": _proof("UplinkLossy", "UplinkDegraded", Scope.LINE, "line", "uplink/probe"),
    },
)
VERIFYING = replace(
    KNOWN,
    faults={
        **KNOWN.faults,
        "AcceleratorsUnverified": _proof(
            "AcceleratorsUnverified", "AcceleratorsUnverified", Scope.NODE, "", "gpu/state"
        ),
    },
)


def leaf_down(domain: str, **fields: Any) -> Finding:
    """The alert of a domain, as it is read from a source."""
    return lost_gpu(
        "",
        **{
            "device": f"domain:{domain}",
            "name": f"domain {domain}",
            "fault": "LeafDown",
            "condition": "FabricFault",
            "verdict": Verdict.CORDON,
            "scope": Scope.DOMAIN,
            "place": domain,
            **fields,
        },
    )


def racks(leaf: Mapping[str, str], **fields: Any) -> list[Node]:
    """Return a node for each letter of each leaf, under one spine."""
    return [
        node(name, tiers={0: domain, 1: "spine"}, **fields)
        for domain, names in leaf.items()
        for name in names
    ]
