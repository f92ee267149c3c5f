"""A fleet in trouble, for the status page: as real as its pictures should be."""

from collections.abc import Sequence
from dataclasses import replace

from catalog.conditions import BY_TYPE
from catalog.verdicts import Verdict
from health_bridge.decision.alerts import Finding
from health_bridge.decision.nodes import Node
from health_bridge.decision.shadow import after, count
from health_bridge.latency import SEEN
from health_bridge.moment import Moment
from health_bridge.poll import Round
from health_bridge.status import Cycle, Facts, Status, status
from health_bridge.tolerate import DONE, Intolerant, Survey
from tests.health_bridge.worlds import (
    KEYS,
    KNOWN,
    NOW,
    link_down,
    lost_gpu,
    node,
    policy,
    sight,
)

RUNBOOK = "https://runbooks.example.com/GpuFellOffBus"
PROMETHEUS = "http://prometheus-operated.monitoring:9090"
ALERTMANAGER = "http://alertmanager-operated.monitoring:9093"
SECOND = "https://thanos-query.observability.example.com:10902"


def fleet(size: int = 64) -> list[Node]:
    return [
        node(
            f"gpu-{number:03}",
            tiers={0: f"leaf-{number // 8:02}", 1: "spine-1"},
            ready=number != 40,
            cordoned=number == 41,
        )
        for number in range(size)
    ]


def troubles() -> list[Finding]:
    gpu = {
        "device": "GPU-5f2c1c9e-3a55-4f0e-9d2e-6b1f0a7c9d11",
        "name": "GPU 3",
        "since": NOW - 4000,
        "evidence": (
            f"GPU 3 has fallen off the bus (Xid 79, last seen 7 s ago); runbook: {RUNBOOK}"
        ),
    }
    links = [
        link_down(
            f"gpu-{number:03}",
            since=NOW - 900 - 31 * number,
            evidence=f"Port mlx5_{number % 8}/1 is Down, expected Active; runbook: {RUNBOOK}",
            name=f"mlx5_{number % 8}/1",
            device=f"0xe8ebd30300{number:06x}",
        )
        for number in (21, 33, 50, 58)
    ]
    slow = link_down(
        "gpu-033",
        verdict=Verdict.AVOID,
        device="0xe8ebd30300aaaaaa",
        name="mlx5_7/1",
        since=NOW - 7300,
        evidence="400 Gb/s expected, 200 Gb/s found",
    )
    return [
        lost_gpu("gpu-017", **gpu),
        lost_gpu(
            "gpu-044",
            **{
                **gpu,
                "since": NOW - 200_000,
                "name": "GPU 0",
                "device": "GPU-b7e0f2d4-11c2-4e6a-8f55-0d9a3c1e7b60",
                "evidence": f"GPU 0 has fallen off the bus (Xid 79); runbook: {RUNBOOK}",
            },
        ),
        *links,
        slow,
    ]


def cycle(nodes: Sequence[Node], findings: Sequence[Finding]) -> tuple[Cycle, list[Node]]:
    """Run two cycles, the second without the alert of one node; return it and the nodes then."""
    names = [each.name for each in nodes]
    faults = {name: replace(proof, soak=600.0) for name, proof in KNOWN.faults.items()}
    proofs = replace(KNOWN, faults=faults)
    under = policy(proofs=proofs, budget="10%", tiers=(("0", "25%"),), avoid="50%")
    first = Moment(nodes=nodes, sight=sight(*findings, nodes=names, now=NOW - 30), policy=under)
    plans = {plan.node.name: plan for plan in first.decide().plans}
    made = [after(plans[n.name], KEYS) if n.name in plans else n for n in nodes]
    quiet = [each for each in findings if each.node not in ("gpu-044", "gpu-050")]
    seen = sight(*quiet, nodes=names, boots=dict.fromkeys(names, NOW - 500_000.0))
    decision = Moment(nodes=made, sight=seen, policy=under).decide()
    errors = {SECOND: f"{SECOND}: no answer within 10s: connection refused"}
    told = Round(sight=seen, errors=errors)
    return Cycle(began=NOW - 4, seen=told, decision=decision, policy=under), made


def facts(**fields: object) -> Facts:
    known = Facts(
        now=NOW,
        version="0.1.0",
        cluster="train-eu-1",
        kinds={ALERTMANAGER: "alertmanager", PROMETHEUS: "prometheus", SECOND: "prometheus"},
        answered={ALERTMANAGER: NOW - 4, PROMETHEUS: NOW - 4, SECOND: NOW - 754},
        hops={
            hop: [(0.05, 2), (0.25, 30 if hop != SEEN else 2), (10.0, 38), (30.0, 41)]
            for hop in ("seen", "decided", "taint", "condition", "total")
        },
        survey=Survey(
            state=DONE,
            found=(
                Intolerant(
                    name="gpu-operator/nvidia-device-plugin-daemonset",
                    keys=tuple(sorted(KEYS.taints)),
                    nodes=64,
                    some=("gpu-000", "gpu-001", "gpu-002"),
                ),
            ),
        ),
    )
    return replace(known, **fields)  # type: ignore[arg-type] # whatever a test wants to differ


def trouble(**fields: object) -> Status:
    """The page of a fleet in trouble."""
    known, made = cycle(fleet(), troubles())
    if fields.get("mode") == "shadow":
        fields["imagined"] = count(made, KEYS, BY_TYPE)
    return status(facts(**fields), known)
