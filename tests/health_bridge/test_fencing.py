"""A faulty GPU fenced alone, and its node tainted where that does not work or ends."""

import itertools
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from typing import Any

import pytest

from health_bridge.cluster.device_rules import DeviceRules
from health_bridge.cluster.errors import Denied
from health_bridge.cluster.kube import Kube, connect
from health_bridge.cluster.slices import Slices, newest, read_slice
from health_bridge.connection import Connection
from health_bridge.decision.decide import Decision, decide
from health_bridge.decision.fencing import STEADY, Device, Fences, Rule
from health_bridge.decision.nodes import Node
from health_bridge.decision.record import read_record
from testbed.waiting import PATIENCE, wait_until
from tests.health_bridge.site import HINTED, USER, Site, bridge
from tests.health_bridge.test_failure_modes_input import hint
from tests.health_bridge.worlds import (
    NOW,
    link_down,
    lost_gpu,
    node,
    our_taints,
    policy,
    run,
    sight,
    status,
    written,
)

GPU = Device(driver="gpu.nvidia.com", pool="a", name="gpu-3")
KNOWN = Fences(devices={("a", "GPU-a"): GPU})
LOST = sight(lost_gpu("a"), nodes="ab")
DRAINED = {"gpu-unavailable": ("drain", "NoSchedule")}


def standing(fences: Fences = KNOWN, **under: Any) -> Fences:
    """Return the fences after the rules that the decision asks for are up."""
    decision = decide([node("a")], LOST, policy(**under), {}, fences)
    return replace(fences, rules=decision.rules)


def after(nodes: Sequence[Node], fences: Fences, **under: Any) -> list[Node]:
    decision = decide(nodes, LOST, policy(**under), {}, fences)
    return written(nodes, decision)


def fence(at: Node) -> tuple[str, str]:
    (fault,) = read_record(at.devices, at.owned).faults
    return fault.action, fault.fence


def test_a_rule_is_asked_for_and_until_it_stands_the_node_is_tainted() -> None:
    decision = decide([node("a")], LOST, policy(), {}, KNOWN)

    (rule,) = decision.rules
    assert (rule.device, rule.key, rule.value) == (GPU, "railwatch.io/gpu-unavailable", "drain")
    assert our_taints(written([node("a")], decision)[0]) == DRAINED


def test_with_the_rule_up_the_node_has_no_taint_and_the_condition_says_so() -> None:
    (fenced,) = after([node("a")], standing())

    assert our_taints(fenced) == {}
    assert fence(fenced) == ("applied", "rule")
    assert "drain applied (rule)" in fenced.conditions["GpuUnavailable"].message


def test_a_fenced_node_keeps_its_budget_and_is_tainted_at_once_when_the_fence_goes() -> None:
    fences = standing(budget="1")
    nodes = after([node("a"), node("b")], fences, budget="1")
    both = sight(lost_gpu("a"), lost_gpu("b", since=NOW - 999), nodes="ab")

    held = written(nodes, decide(nodes, both, policy(budget="1"), {}, fences))
    gone = written(held, decide(held, both, policy(budget="1"), {}, Fences()))

    assert [our_taints(each) for each in held] == [{}, {}]
    assert [our_taints(each) for each in gone] == [DRAINED, {}]


def test_a_device_that_moved_is_fenced_under_its_new_name() -> None:
    old = standing()
    moved = replace(old, devices={("a", "GPU-a"): replace(GPU, name="gpu-2")})

    decision = decide([node("a")], LOST, policy(), {}, moved)

    (rule,) = decision.rules
    assert rule.device.name == "gpu-2"
    assert rule.name == next(iter(old.rules)).name
    assert our_taints(written([node("a")], decision)[0]) == DRAINED


def test_what_the_budget_withholds_is_not_fenced() -> None:
    decision = decide([node("a"), node("b", cordoned=True)], LOST, policy(budget="1"), {}, KNOWN)

    assert decision.rules == frozenset()


def test_proof_takes_the_rule_down() -> None:
    fences = standing()
    nodes = after([node("a")], fences)
    proven = sight(nodes="a", proven=[("GpuFellOffBus", "a", "GPU-a")], boots={"a": float(NOW)})

    decision = decide(nodes, proven, policy(), {}, fences)

    assert decision.rules == frozenset()
    assert status(written(nodes, decision)[0]) == "False"


def test_faults_of_links_are_never_fenced() -> None:
    seen = sight(link_down("a", device="GPU-a"), nodes="a")

    assert decide([node("a")], seen, policy(), {}, KNOWN).rules == frozenset()


@pytest.mark.parametrize(
    ("gpus", "fences"),
    [((8, 7), True), ((8, 8), False), ((1, 0), False), ((0, 0), False)],
    ids=["one fewer", "as many", "none left", "no plugin"],
)
def test_a_device_plugin_that_offers_fewer_is_a_fence(
    gpus: tuple[int, int],
    fences: bool,  # noqa: FBT001 - a case
) -> None:
    at = node("a", gpus=gpus)
    first = decide([at], LOST, policy(), {})
    later = replace(LOST, now=NOW + STEADY)

    (before,) = written([at], first)
    (steady,) = written([before], decide([before], later, policy(), first.memory))
    (restarted,) = written([steady], decide([steady], later, policy(), {}))

    assert our_taints(before) == DRAINED
    assert our_taints(steady) == ({} if fences else DRAINED)
    assert restarted == steady
    assert fence(steady) == ("applied", "plugin" if fences else "")


def test_when_the_plugin_offers_it_again_the_node_is_tainted_at_once() -> None:
    at = node("a", gpus=(8, 7))
    first = decide([at], LOST, policy(), {})
    later = replace(LOST, now=NOW + STEADY)
    (steady,) = written([at], decide([at], later, policy(), first.memory))

    (again,) = run([replace(steady, gpus=(8, 8))], later)

    assert our_taints(again) == DRAINED


def test_two_faulty_gpus_need_two_fewer() -> None:
    two = sight(lost_gpu("a"), lost_gpu("a", device="GPU-2"), nodes="a", now=NOW + STEADY)
    at = node("a", gpus=(8, 7))
    memory = {("a", "gpus=7/8"): float(NOW)}

    (tainted,) = written([at], decide([at], two, policy(), memory))

    assert our_taints(tainted) == DRAINED


def test_the_owner_may_want_no_node_tainted_for_a_gpu() -> None:
    never: dict[str, Any] = {"gpu_fallback": False}

    (unfenced,) = after([node("a")], Fences(), **never)
    (failed,) = after([node("a")], KNOWN, **never)
    (fenced,) = after([node("a")], standing(**never), **never)

    assert [our_taints(each) for each in (unfenced, failed, fenced)] == [{}] * 3
    assert [fence(each) for each in (unfenced, failed)] == [("withheld", "")] * 2
    assert fence(fenced) == ("applied", "rule")
    assert status(unfenced) == "True"


def test_what_is_not_tainted_for_lack_of_a_fence_spends_no_budget() -> None:
    decision: Decision = decide(
        [node("a")], LOST, policy(gpu_fallback=False, budget="1"), {}, Fences()
    )

    assert decision.ledger.taken == frozenset()


def slice_of(*devices: dict[str, Any], generation: int = 1) -> dict[str, Any]:
    pool = {"name": "a", "generation": generation, "resourceSliceCount": 1}
    return {"spec": {"driver": GPU.driver, "nodeName": "a", "pool": pool, "devices": [*devices]}}


def test_slices_of_every_version_are_read_and_old_generations_left_out() -> None:
    told = {"uuid": {"string": "GPU-a"}}
    new = slice_of({"name": "gpu-3", "attributes": told}, generation=2)
    basic = slice_of({"name": "gpu-3", "basic": {"attributes": told}}, generation=2)
    qualified = slice_of({"name": "gpu-3", "attributes": {"gpu.nvidia.com/uuid": told["uuid"]}})
    old = slice_of({"name": "gpu-9", "attributes": told}, generation=1)

    for found in ([new, old], [old, basic], [qualified], [{}, new]):
        assert list(newest(map(read_slice, found))) == [("GPU-a", GPU)]


def named(at: str, *devices: str) -> dict[str, Any]:
    """Return a slice of a node, with its GPU under each of these device names."""
    told = slice_of(*({"name": d, "attributes": {"uuid": {"string": "GPU-a"}}} for d in devices))
    return {"metadata": {"name": f"slice-{at}"}, "spec": {**told["spec"], "nodeName": at}}


def test_a_change_of_a_slice_is_known_at_once_and_told_where_the_node_was_asked_for() -> None:
    told: list[str] = []
    slices = Slices(lambda: told.append("changed"))
    slices.replace([named("a", "gpu-3"), named("b", "gpu-3")])
    before = slices.devices(frozenset({"a"}))

    slices.put(named("b", "gpu-9"))
    slices.put(named("a", "gpu-3"))
    untold = list(told)
    slices.put(named("a", "gpu-2"))
    moved = slices.devices(frozenset({"a"}))
    slices.drop(named("a"))

    assert before == {("a", "GPU-a"): GPU}
    assert untold == []
    assert moved == {("a", "GPU-a"): replace(GPU, name="gpu-2")}
    assert slices.devices(frozenset({"a"})) == {}
    assert told == ["changed"] * 2
    slices.replace([])
    assert slices.devices(frozenset({"b"})) == {}


@pytest.fixture
def rules(kube: Kube) -> Iterator[DeviceRules]:
    with closing(DeviceRules(kube, stale_after=PATIENCE)) as looking:
        yield looking


@pytest.fixture
def kube(site: Site) -> Kube:
    return connect(Connection(kubeconfig=str(site.cluster.kubeconfig_for(USER))))


NAMES = (f"fence-{number}" for number in itertools.count())


@pytest.fixture
def sliced(site: Site) -> Iterator[str]:
    """A node whose DRA driver tells of its GPU."""
    name = next(NAMES)
    site.nodes(name)
    told = slice_of({"name": "gpu-3", "attributes": {"uuid": {"string": f"GPU-{name}"}}})
    told["spec"] |= {"nodeName": name, "pool": {**told["spec"]["pool"], "name": name}}
    site.cluster.api.create(
        {
            "apiVersion": "resource.k8s.io/v1",
            "kind": "ResourceSlice",
            "metadata": {"name": name},
            **told,
        }
    )
    yield name
    site.cluster.api.delete(f"/apis/resource.k8s.io/v1/resourceslices/{name}")


def drains(rules: DeviceRules, name: str) -> list[Rule]:
    """Return the rules of a node's devices that drain: an alert may only avoid at first."""
    found = rules.look(frozenset({name})).rules
    return [each for each in found if each.device.pool == name and each.value == "drain"]


@pytest.mark.cluster
def test_on_the_real_api_server_a_gpu_is_fenced_and_given_back(
    site: Site, rules: DeviceRules, sliced: str
) -> None:
    with bridge(site, sliced) as process:
        site.await_status(sliced, "False")
        site.exporters.lose_gpu(sliced)
        site.await_status(sliced, "True")
        (rule,) = wait_until(lambda: drains(rules, sliced))
        site.await_taints(sliced, [])
        site.exporters.heal(sliced)
        site.exporters.reboot(sliced)
        site.await_status(sliced, "False")
        left = rules.look(frozenset({sliced})).rules
        counted = process.metric('railwatch_bridge_steps_total{kind="set_rule"}')

    assert (rule.device.name, rule.device.pool, rule.value) == ("gpu-3", sliced, "drain")
    assert left == frozenset()
    assert counted


@pytest.mark.cluster
def test_a_device_that_moves_on_the_real_api_server_is_fenced_under_its_new_name(
    site: Site, rules: DeviceRules, sliced: str
) -> None:
    path = f"/apis/resource.k8s.io/v1/resourceslices/{sliced}"

    with bridge(site, sliced, *HINTED) as process:
        site.await_status(sliced, "False")
        site.exporters.lose_gpu(sliced)
        site.await_firing(sliced)
        hint(process, "{}")
        site.await_status(sliced, "True")
        spec = site.cluster.api.get(path)["spec"]
        spec["devices"][0]["name"] = "gpu-2"
        spec["pool"]["generation"] += 1
        site.cluster.api.merge(path, {"spec": spec})
        wait_until(
            lambda: {each.device.name for each in drains(rules, sliced)} == {"gpu-2"},
        )
        site.await_taints(sliced, [])


@pytest.mark.cluster
def test_who_may_not_write_rules_taints_the_node_and_says_so(site: Site, sliced: str) -> None:
    nobody = connect(Connection(kubeconfig=str(site.cluster.kubeconfig_for("nobody"))))
    rules = DeviceRules(nobody)

    assert rules.look(frozenset({sliced})) == Fences()
    assert isinstance(rules.error, Denied)


@pytest.mark.cluster
def test_release_takes_every_rule_of_ours_down(site: Site, rules: DeviceRules, sliced: str) -> None:
    fences = rules.look(frozenset({sliced}))
    found = [(where, device) for where, device in fences.devices.items() if where[0] == sliced]
    wanted = decide(
        [node(sliced)],
        sight(lost_gpu(sliced), nodes=[sliced]),
        policy(),
        {},
        Fences(devices=dict(found)),
    ).rules
    rules.write(wanted, fences)
    foreign = {
        "apiVersion": "resource.k8s.io/v1beta2",
        "kind": "DeviceTaintRule",
        "metadata": {"name": "theirs"},
        "spec": {
            "deviceSelector": {"pool": "x"},
            "taint": {"key": "their/x", "effect": "NoSchedule"},
        },
    }
    path = "/apis/resource.k8s.io/v1beta2/devicetaintrules"
    site.cluster.api.create(foreign)

    removed = list(rules.remove_all())

    names = [each["metadata"]["name"] for each in site.cluster.api.get(path)["items"]]
    site.cluster.api.delete(f"{path}/theirs")
    assert removed == [rule.name for rule in wanted]
    assert names == ["theirs"]
