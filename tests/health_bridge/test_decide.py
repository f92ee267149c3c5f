"""What is decided, on nodes and sources that exist only here."""

import json
from dataclasses import replace

import pytest

from catalog.verdicts import Verdict
from health_bridge.decision.decide import decide, questions
from health_bridge.decision.nodes import Keys, Node, read_node
from health_bridge.decision.proofs import Proofs
from health_bridge.decision.record import format_time, read_record
from health_bridge.decision.sight import Sight, Witness
from health_bridge.decision.steps import NodeSteps, SetCondition
from tests.health_bridge.worlds import (
    ALL,
    FOREIGN,
    KNOWN,
    NOW,
    SOURCE,
    blind,
    link_down,
    lost_gpu,
    node,
    our_taints,
    policy,
    run,
    sight,
    status,
    true,
)

DRAIN = {"gpu-unavailable": ("drain", "NoSchedule")}
PROVEN = [("GpuFellOffBus", "a", "GPU-a")]


def faulty(**fields: object) -> list[Node]:
    """A node whose GPU fell off the bus, as a cycle has left it."""
    return run([node("a", **fields)], sight(lost_gpu("a"), nodes=["a"]))


def test_a_firing_alert_sets_condition_taint_and_record() -> None:
    (after,) = faulty()

    (fault,) = read_record(after.devices, after.owned).faults
    assert status(after) == "True"
    assert after.conditions["GpuUnavailable"].reason == "GpuFellOffBus"
    assert our_taints(after) == DRAIN
    assert (fault.device, fault.verdict, fault.since) == ("GPU-a", Verdict.DRAIN, NOW - 60)
    assert json.loads(after.owned or "") == {
        "conditions": {"GpuUnavailable": "True", "RdmaLinkDown": "False"},
        "sources": [SOURCE],
        "taints": ["railwatch.io/gpu-unavailable"],
        "taken": format_time(NOW),
    }


def test_the_message_says_who_what_why_and_the_way_back() -> None:
    (after,) = faulty()

    assert after.conditions["GpuUnavailable"].message == (
        "GPU 3 (GPU-a): drain applied; Xid 79; clears on 2s of proven health after a reboot"
    )


def test_nothing_is_decided_twice() -> None:
    nodes = faulty()

    decision = decide(nodes, sight(lost_gpu("a"), nodes=["a"]), policy(), {})

    assert decision.plans == ()


def test_a_resolved_alert_clears_nothing() -> None:
    (after,) = run(faulty(), sight(nodes=["a"], now=NOW + 3600))

    assert status(after) == "True"
    assert our_taints(after) == DRAIN


def test_proof_and_a_later_reboot_clear() -> None:
    (after,) = run(faulty(), sight(nodes=["a"], proven=PROVEN, boots={"a": NOW}))

    assert status(after) == "False"
    assert after.conditions["GpuUnavailable"].reason == "Healthy"
    assert our_taints(after) == {}
    assert read_record(after.devices, after.owned).faults == ()


@pytest.mark.parametrize(
    ("seen", "why"),
    [
        (sight(nodes=["a"], boots={"a": NOW}), "no proof"),
        (sight(nodes=["a"], proven=PROVEN), "no boot time"),
        (sight(nodes=["a"], proven=PROVEN, boots={"a": NOW - 60}), "booted before the fault"),
        (sight(nodes=["a"], proven=[("GpuFellOffBus", "a", "GPU-b")], boots={"a": NOW}), "another"),
        (sight(nodes=["a"], proven=[("GpuFellOffBus", "b", "GPU-a")], boots={"a": NOW}), "another"),
        (sight(lost_gpu("a"), nodes=["a"], proven=PROVEN, boots={"a": NOW}), "firing"),
        (
            sight(lost_gpu("a", firing=False), nodes=["a"], proven=PROVEN, boots={"a": NOW}),
            "pending",
        ),
        (
            sight(nodes=["a"], proven=PROVEN, boots={"a": NOW}, complete=False),
            "no Alertmanager answers",
        ),
        (blind(), "no Prometheus answers"),
    ],
)
def test_anything_less_than_full_proof_clears_nothing(seen: Sight, why: str) -> None:
    (after,) = run(faulty(), seen)

    assert status(after) == "True", why
    assert our_taints(after) == DRAIN, why


def test_every_source_that_ever_vouched_must_prove() -> None:
    other = "http://other"
    proves = Witness(
        observed={"a": ALL},
        proven=frozenset((*each, 1) for each in PROVEN),
        boot_times={"a": float(NOW)},
    )
    both = replace(
        sight(nodes=["a"]), witnesses={SOURCE: proves, other: Witness(observed={"a": ALL})}
    )
    nodes = run(faulty(), both)

    (one_silent,) = run(nodes, replace(both, witnesses={SOURCE: proves}))
    (agreed,) = run(nodes, replace(both, witnesses={SOURCE: proves, other: proves}))

    assert status(nodes[0]) == "True"
    assert status(one_silent) == "True"
    assert status(agreed) == "False"


def test_a_fault_that_no_source_vouches_for_cannot_be_cleared() -> None:
    nodes = run([node("a")], blind(link_down("a")))

    (after,) = run(nodes, Sight(now=NOW, witnesses={}))

    assert status(after, "RdmaLinkDown") == "True"


def test_a_fault_without_demand_clears_on_proof_alone() -> None:
    nodes = run([node("a")], sight(link_down("a"), nodes=["a"]))

    (after,) = run(nodes, sight(nodes=["a"], proven=[("RdmaLinkDown", "a", "guid-a")]))

    assert status(after, "RdmaLinkDown") == "False"
    assert our_taints(after) == {}


def with_reset() -> Proofs:
    proof = KNOWN.faults["GpuFellOffBus"]
    reset = replace(proof, recovery=type(proof.recovery).RESET)
    return replace(KNOWN, faults={**KNOWN.faults, "GpuFellOffBus": reset})


@pytest.mark.parametrize(
    ("boots", "resets", "cleared"),
    [
        ({"a": NOW - 999}, {("a", "GPU-a"): NOW}, True),
        ({"a": NOW}, {}, True),
        ({"a": NOW - 999}, {("a", "GPU-a"): NOW - 60}, False),
        ({"a": NOW - 999}, {("a", "GPU-b"): NOW}, False),
    ],
)
def test_a_reset_or_a_reboot_meets_the_demand_for_a_reset(
    boots: dict[str, float], resets: dict[tuple[str, str], float], *, cleared: bool
) -> None:
    seen = sight(nodes=["a"], proven=PROVEN, boots=boots, resets=resets)

    (after,) = run(faulty(), seen, under=policy(proofs=with_reset()))

    assert (status(after) == "False") is cleared


def test_a_fault_that_fires_anew_demands_a_new_reboot() -> None:
    nodes = run(faulty(), sight(lost_gpu("a", since=NOW + 500), nodes=["a"], now=NOW + 510))

    (between,) = run(nodes, sight(nodes=["a"], proven=PROVEN, boots={"a": NOW + 100}))
    (after,) = run(nodes, sight(nodes=["a"], proven=PROVEN, boots={"a": NOW + 600}))

    assert status(between) == "True"
    assert status(after) == "False"


def test_a_start_in_the_future_does_not_put_recovery_out_of_reach() -> None:
    nodes = run([node("a")], sight(lost_gpu("a", since=NOW + 10**9), nodes=["a"]))

    (fault,) = read_record(nodes[0].devices, None).faults

    assert fault.since == NOW


def test_two_faults_and_one_clears() -> None:
    mild = lost_gpu("a", device="GPU-2", verdict=Verdict.AVOID)
    nodes = run([node("a")], sight(lost_gpu("a"), mild, nodes=["a"]))

    (after,) = run(nodes, sight(mild, nodes=["a"], proven=PROVEN, boots={"a": NOW}))

    assert our_taints(nodes[0]) == DRAIN
    assert our_taints(after) == {"gpu-unavailable": ("avoid", "PreferNoSchedule")}
    assert status(after) == "True"


def test_each_condition_has_a_taint_of_its_own() -> None:
    (after,) = run([node("a")], sight(lost_gpu("a"), link_down("a"), nodes=["a"]))

    assert our_taints(after) == {**DRAIN, "rdma-link-down": ("cordon", "NoSchedule")}


@pytest.mark.parametrize(
    ("cap", "taints"),
    [
        (Verdict.OBSERVE, {}),
        (Verdict.AVOID, {"gpu-unavailable": ("avoid", "PreferNoSchedule")}),
        (Verdict.CORDON, {"gpu-unavailable": ("cordon", "NoSchedule")}),
        (Verdict.DRAIN, DRAIN),
    ],
)
def test_the_owner_caps_the_verdict(cap: Verdict, taints: dict[str, tuple[str, str]]) -> None:
    seen = sight(lost_gpu("a"), nodes=["a"])

    (after,) = run([node("a")], seen, under=policy(verdict_max=cap))

    assert our_taints(after) == taints
    assert status(after) == "True"


def test_lowering_the_cap_takes_the_taint_away_and_raising_it_brings_it_back() -> None:
    seen = sight(lost_gpu("a"), nodes=["a"])

    (lowered,) = run(faulty(), seen, under=policy(verdict_max=Verdict.OBSERVE))
    (raised,) = run([lowered], seen)

    assert our_taints(lowered) == {}
    assert our_taints(raised) == DRAIN


def test_what_no_prometheus_confirms_is_at_most_avoided() -> None:
    (after,) = run([node("a")], sight(lost_gpu("a", confirmed=False), nodes=["a"]))

    assert our_taints(after) == {"gpu-unavailable": ("avoid", "PreferNoSchedule")}


def test_what_was_confirmed_stays_so_while_prometheus_is_down() -> None:
    (after,) = run(faulty(), blind(lost_gpu("a", confirmed=False)))

    assert our_taints(after) == DRAIN


def test_a_silenced_alert_tells_and_does_nothing_new() -> None:
    silenced = sight(lost_gpu("a", silenced=True), nodes=["a"])

    (new,) = run([node("a")], silenced)
    (known,) = run(faulty(), silenced)

    assert (status(new), our_taints(new)) == ("True", {})
    assert our_taints(known) == DRAIN


def test_a_pending_alert_is_only_suspected() -> None:
    decision = decide([node("a")], sight(lost_gpu("a", firing=False), nodes=["a"]), policy(), {})

    assert decision.suspected == 1
    assert decision.faults == {}


def test_a_condition_is_never_written_before_it_was_observed() -> None:
    (after,) = run([node("a")], blind(now=NOW), blind(now=NOW + 10**6))

    assert after == node("a")


def test_telemetry_lost_beyond_the_grace_is_unknown_and_taints_nothing() -> None:
    seen = sight(nodes=["a"])

    within, beyond = (
        run([node("a")], seen, blind(now=NOW + 1), blind(now=NOW + 1 + after))[0]
        for after in (300, 301)
    )

    assert (status(within), status(beyond)) == ("False", "Unknown")
    assert beyond.conditions["GpuUnavailable"].reason == "TelemetryLost"
    assert our_taints(beyond) == {}


def test_one_facility_blinds_only_the_conditions_that_read_it() -> None:
    half = {SOURCE: Witness(observed={"a": frozenset({"rdma/port"})})}
    first = run([node("a")], sight(nodes=["a"]))

    (after,) = run(first, Sight(now=NOW, witnesses=half), Sight(now=NOW + 999, witnesses=half))

    assert status(after, "GpuUnavailable") == "Unknown"
    assert status(after, "RdmaLinkDown") == "False"


def test_a_true_condition_stays_true_however_long_it_is_blind() -> None:
    (after,) = run(faulty(), blind(now=NOW + 1), blind(now=NOW + 10**6))

    assert status(after) == "True"
    assert our_taints(after) == DRAIN


def test_seeing_again_ends_unknown() -> None:
    nodes = run([node("a")], sight(nodes=["a"]), blind(now=NOW), blind(now=NOW + 999))

    (after,) = run(nodes, sight(nodes=["a"], now=NOW + 1000))

    assert status(after) == "False"


def test_losing_the_memory_of_blindness_only_restarts_the_grace() -> None:
    nodes = run([node("a")], sight(nodes=["a"]), blind(now=NOW))

    (after,) = run(nodes, blind(now=NOW + 999))

    assert status(after) == "False"


def test_a_crash_between_the_two_writes_converges() -> None:
    seen = sight(lost_gpu("a"), nodes=["a"])
    healed = sight(nodes=["a"], proven=PROVEN, boots={"a": NOW})
    raised = replace(faulty()[0], conditions={})
    cleared = replace(run(faulty(), healed)[0], conditions=faulty()[0].conditions)

    assert status(run([raised], seen)[0]) == "True"
    assert status(run([cleared], healed)[0]) == "False"
    assert status(run([cleared], blind())[0]) == "Unknown"


def test_a_true_condition_without_its_record_is_held_until_a_person_releases_it() -> None:
    bare = replace(faulty()[0], devices=None, owned=None)
    healed = sight(nodes=["a"], proven=PROVEN, boots={"a": NOW})

    (after,) = run([bare], healed, healed)

    assert status(after) == "True"
    assert after.conditions["GpuUnavailable"].reason == "GpuUnavailableRecordLost"
    assert our_taints(after) == DRAIN


@pytest.mark.parametrize("text", ["{", "[]", '{"GPU-a":[{"fault":1}]}', '{"GPU-a":[{}]}', "null"])
def test_a_damaged_record_heals_nothing(text: str) -> None:
    (after,) = run([replace(faulty()[0], devices=text, owned=text)], sight(nodes=["a"]))

    assert status(after) == "True"
    assert our_taints(after) == DRAIN


def test_a_condition_whose_rule_is_gone_is_removed() -> None:
    nodes = run([node("a")], sight(nodes=["a"]))
    fewer = replace(
        KNOWN, faults={name: p for name, p in KNOWN.faults.items() if name != "RdmaLinkDown"}
    )

    (after,) = run(nodes, *[sight(nodes=["a"])] * 2, under=policy(proofs=fewer))

    assert set(after.conditions) == {"GpuUnavailable"}
    assert json.loads(after.owned or "")["conditions"] == {"GpuUnavailable": "False"}


def test_an_open_fault_whose_rule_is_gone_is_held() -> None:
    fewer = replace(
        KNOWN, faults={name: p for name, p in KNOWN.faults.items() if name != "GpuFellOffBus"}
    )

    (after,) = run(faulty(), sight(nodes=["a"]), under=policy(proofs=fewer))

    assert status(after) == "True"
    assert our_taints(after) == DRAIN


def test_foreign_taints_keep_their_place_and_form() -> None:
    second = replace(FOREIGN, key="z/z")
    nodes = faulty(taints=(FOREIGN, second))
    healed = sight(nodes=["a"], proven=PROVEN, boots={"a": NOW})

    (after,) = run(nodes, healed)

    assert nodes[0].taints[:2] == (FOREIGN, second)
    assert after.taints == (FOREIGN, second)


def test_our_taint_keeps_its_place_when_it_changes() -> None:
    last = replace(FOREIGN, key="z/z")
    ours = faulty()[0].taints
    nodes = [replace(faulty()[0], taints=(FOREIGN, *ours, last))]

    (after,) = run(
        nodes, sight(lost_gpu("a"), nodes=["a"]), under=policy(verdict_max=Verdict.AVOID)
    )

    assert [taint.key for taint in after.taints] == [FOREIGN.key, ours[0].key, last.key]
    assert our_taints(after) == {"gpu-unavailable": ("avoid", "PreferNoSchedule")}


def test_only_a_change_of_status_is_a_transition() -> None:
    worse = sight(lost_gpu("a"), lost_gpu("a", device="GPU-0", since=NOW - 99), nodes=["a"])

    (raised,) = decide([node("a")], sight(lost_gpu("a"), nodes=["a"]), policy(), {}).plans
    (retold,) = decide(faulty(), worse, policy(), {}).plans

    def transitions(plan: NodeSteps) -> dict[str, bool]:
        return {step.type: step.transition for step in plan.steps if isinstance(step, SetCondition)}

    assert transitions(raised) == {"GpuUnavailable": True, "RdmaLinkDown": True}
    assert transitions(retold) == {"GpuUnavailable": False}


@pytest.mark.parametrize(
    ("labels", "managed"),
    [({}, True), ({"railwatch.io/managed": "false"}, False), ({"railwatch.io/managed": "x"}, True)],
)
def test_one_label_takes_a_node_out_of_our_hands(labels: dict[str, str], *, managed: bool) -> None:
    assert read_node({"metadata": {"name": "a", "labels": labels}}, Keys()).managed is managed


def test_hands_off_a_node_that_is_not_managed() -> None:
    decision = decide(
        [node("a", managed=False, conditions={"GpuUnavailable": true()})],
        sight(lost_gpu("a"), nodes=["a"]),
        policy(),
        {},
    )

    assert decision.plans == ()
    assert decision.unknown_nodes == 1


def test_an_alert_about_an_unknown_node_is_counted_and_the_rest_processed() -> None:
    decision = decide(
        [node("a")], sight(lost_gpu("ghost"), lost_gpu("a"), nodes=["a"]), policy(), {}
    )

    assert decision.unknown_nodes == 1
    assert set(decision.faults) == {"a"}


def test_a_taint_that_someone_removed_comes_back_while_the_fault_is_open() -> None:
    (after,) = run([replace(faulty()[0], taints=())], sight(lost_gpu("a"), nodes=["a"]))

    assert our_taints(after) == DRAIN


def test_only_open_faults_that_are_silent_are_asked_about() -> None:
    nodes = [*faulty(), node("b")]

    quiet = questions(nodes, sight(nodes=["a", "b"]), policy())
    firing = questions(nodes, sight(lost_gpu("a"), nodes=["a", "b"]), policy())

    assert quiet.proofs == {("GpuFellOffBus", 1): frozenset({"a"})}
    assert quiet.boots == frozenset({"a"})
    assert firing.proofs == {}


def test_an_alert_flood_keeps_the_worst_and_stays_within_the_annotation() -> None:
    flood = [
        lost_gpu("a", device=f"GPU-{i:0120d}", verdict=Verdict.AVOID, evidence="x" * 600)
        for i in range(5000)
    ]

    (after,) = run([node("a")], sight(*flood, lost_gpu("a"), nodes=["a"]))

    record = read_record(after.devices, after.owned)
    assert len((after.devices or "").encode()) <= 16 * 1024
    assert "GPU-a" in {fault.device for fault in record.faults}
    assert our_taints(after) == DRAIN
