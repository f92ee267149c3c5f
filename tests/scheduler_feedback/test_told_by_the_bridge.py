"""What the bridge writes on a node, read by the extender, the drainer and whoever aligns NICs."""

from typing import Any

import pytest

from catalog.rails import NodePlaces, PortPlace, dump_rails
from catalog.verdicts import Verdict
from health_bridge.decision.alerts import Finding, read_prometheus
from health_bridge.decision.decide import decide
from health_bridge.decision.nodes import ConditionState
from health_bridge.decision.outcome import Memory
from health_bridge.decision.policy import Policy
from health_bridge.decision.sight import Sight, Witness
from scheduler_feedback.health import NodeHealth, assess
from scheduler_feedback.placement.alignment import read_layout
from tests.health_bridge import worlds

GPU = {
    "alertname": "GpuFellOffBus",
    "alertstate": "firing",
    "fault": "GpuFellOffBus",
    "condition": "GpuUnavailable",
    "verdict": "drain",
    "node": "n1",
    "uuid": "GPU-8f3b1c2e",
    "gpu": "3",
}
PORT = {
    "alertname": "RdmaLinkDown",
    "alertstate": "firing",
    "fault": "RdmaLinkDown",
    "condition": "RdmaLinkDown",
    "verdict": "cordon",
    "node": "n1",
    "guid": "0c42:a103:0065:1234",
    "device": "mlx5_1",
    "port": "1",
}


def findings(*alerts: dict[str, str]) -> tuple[Finding, ...]:
    reading = read_prometheus(alerts, worlds.KNOWN, "", {})
    assert reading.skipped == {}
    return reading.findings


def after(
    *alerts: dict[str, str],
    under: Policy | None = None,
    memory: Memory | None = None,
    seen: Sight | None = None,
    **fields: Any,
) -> dict[str, Any]:
    """Return the Node object of n1 as the bridge leaves it."""
    nodes = [worlds.node(name, **fields) for name in ("n0", "n1")]
    told = seen or worlds.sight(*findings(*alerts), nodes=("n0", "n1"))
    decision = decide(nodes, told, under or worlds.policy(), memory or {})
    return worlds.document(worlds.written(nodes, decision)[1])


def read(*alerts: dict[str, str], **how: Any) -> NodeHealth:
    health = assess(after(*alerts, **how))
    assert health.malformed == ""
    return health


def test_a_drain_is_read_as_one_that_a_fault_vouches_for() -> None:
    health = read(GPU)

    assert [each.reason for each in health.refusals] == ["railwatch: GpuUnavailable (drain)"]
    assert (health.drains, health.unvouched) == (health.refusals, ())
    assert health.drain_since == worlds.NOW
    assert (health.grade.verdict, health.grade.devices, health.grade.blind) == (
        Verdict.DRAIN, 1, False,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("verdict", "reasons"),
    [("cordon", ["railwatch: GpuUnavailable (cordon)"]), ("avoid", []), ("observe", [])],
)
def test_milder_verdicts_drain_nothing(verdict: str, reasons: list[str]) -> None:
    health = read({**GPU, "verdict": verdict})

    assert [each.reason for each in health.refusals] == reasons
    assert health.drains == health.unvouched == ()
    assert health.grade.verdict is Verdict.parse(verdict)


def test_what_a_budget_withholds_only_grades() -> None:
    both = ({**GPU, "node": "n0"}, GPU)

    health = read(*both, under=worlds.policy(budget="1"))

    assert (health.refusals, health.drains, health.fenced) == ((), (), ())
    assert health.grade.verdict is Verdict.DRAIN


def test_a_gpu_that_its_plugin_fences_is_to_be_rid_of_its_users_and_refuses_nobody() -> None:
    offered: Memory = {("n1", "gpus=7/8"): worlds.NOW - 301.0}

    health = read(GPU, memory=offered, gpus=(8, 7))

    assert (health.refusals, health.drains) == ((), ())
    assert [(each.device, each.began) for each in health.fenced] == [("GPU-8f3b1c2e", worlds.NOW)]


def test_a_node_that_nobody_sees_any_more_is_read_as_blind() -> None:
    healthy = {"GpuUnavailable": ConditionState(status="False", reason="Healthy", message="")}
    unseen: Memory = {("n1", "GpuUnavailable"): worlds.NOW - 3600.0}

    health = read(seen=worlds.blind(), memory=unseen, conditions=healthy)

    assert (health.refusals, health.grade.blind) == ((), True)


def test_a_fault_that_nobody_sees_any_more_is_read_as_blind_and_stays_applied() -> None:
    hung = {worlds.SOURCE: Witness(observed={"n1": frozenset({"rdma/port"})})}
    nodes = worlds.run(
        [worlds.node("n1")],
        worlds.sight(*findings(GPU), nodes=("n1",)),
        Sight(now=worlds.NOW + 60, witnesses=hung),
        Sight(now=worlds.NOW + 3600, witnesses=hung),
    )

    health = assess(worlds.document(nodes[0]))

    assert {state.status for state in nodes[0].conditions.values()} == {"True", "False"}
    assert health.grade.blind
    assert [each.reason for each in health.drains] == ["railwatch: GpuUnavailable (drain)"]


@pytest.mark.parametrize(
    ("boot", "reasons"),
    [("boot-1", []), ("boot-2", ["railwatch: AcceleratorsUnverified (cordon)"])],
)
def test_a_boot_that_the_bridge_has_not_verified_is_refused(boot: str, reasons: list[str]) -> None:
    under = worlds.policy(proofs=worlds.VERIFYING, verify_nodes=True)

    health = read(under=under, boot=boot, verified_boot="boot-1")

    assert [each.reason for each in health.refusals] == reasons


def test_a_nic_that_the_bridge_names_is_no_nic_to_be_aligned_with() -> None:
    places = NodePlaces(
        gpus=(0, 1),
        ports=tuple(
            PortPlace(
                device=f"mlx5_{n}", port="1", role="compute", numa=n, gpus=(n,), affinity="PIX"
            )
            for n in range(2)
        ),
    )

    def layout(*alerts: dict[str, str]) -> Any:
        notes = after(*alerts)["metadata"]["annotations"]
        return read_layout({**notes, "railwatch.io/rails": dump_rails(places)}, None)

    assert (layout().zones[:2], layout().beside) == (((1, 1), (1, 1)), 1.0)
    assert (layout(PORT).zones[:2], layout(PORT).beside) == (((1, 1), (1, 0)), 0.5)
