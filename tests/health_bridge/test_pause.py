"""A pause holds back new taints and nothing else."""

from collections.abc import Iterator

import pytest

from catalog.verdicts import Verdict
from health_bridge.cluster.errors import Denied, KubeError
from health_bridge.cluster.kube import connect
from health_bridge.connection import Connection
from health_bridge.decision.decide import decide
from health_bridge.decision.nodes import Node
from health_bridge.decision.record import read_record
from health_bridge.pause import Pause
from testbed.waiting import wait_until
from tests.health_bridge.site import USER, Site, bridge
from tests.health_bridge.test_loop import DRAINED, answer_that_says, cycles
from tests.health_bridge.worlds import NOW, lost_gpu, node, our_taints, policy, run, sight, status

DRAIN = {"gpu-unavailable": ("drain", "NoSchedule")}
AVOID = {"gpu-unavailable": ("avoid", "PreferNoSchedule")}
PAUSED = policy(paused=True)


def mild(name: str, **fields: object) -> object:
    return lost_gpu(name, verdict=Verdict.AVOID, **fields)


def actions(at: Node) -> list[str]:
    return [fault.action for fault in read_record(at.devices, at.owned).faults]


@pytest.mark.parametrize("verdict", [Verdict.AVOID, Verdict.CORDON, Verdict.DRAIN])
def test_paused_a_fault_is_told_and_taints_nothing(verdict: Verdict) -> None:
    (after,) = run([node("a")], sight(lost_gpu("a", verdict=verdict), nodes=["a"]), under=PAUSED)

    assert status(after) == "True"
    assert our_taints(after) == {}
    assert actions(after) == ["withheld"]


def test_a_taint_that_is_there_stays_and_goes_on_proof() -> None:
    seen = sight(lost_gpu("a"), nodes=["a"])
    before = run([node("a")], seen)

    (held,) = run(before, seen, under=PAUSED)
    proven = sight(nodes=["a"], proven=[("GpuFellOffBus", "a", "GPU-a")], boots={"a": NOW})
    (cleared,) = run([held], proven, under=PAUSED)

    assert our_taints(held) == DRAIN
    assert actions(held) == ["applied"]
    assert our_taints(cleared) == {}
    assert status(cleared) == "False"


def test_a_taint_is_not_made_worse_and_not_taken_away() -> None:
    before = run([node("a")], sight(lost_gpu("a", verdict=Verdict.AVOID), nodes=["a"]))

    (held,) = run(before, sight(lost_gpu("a"), nodes=["a"]), under=PAUSED)
    (freed,) = run([held], sight(lost_gpu("a"), nodes=["a"]))

    assert our_taints(held) == AVOID
    assert actions(held) == ["withheld"]
    assert our_taints(freed) == DRAIN


def test_a_milder_verdict_passes() -> None:
    both = (lost_gpu("a"), lost_gpu("a", device="GPU-2", verdict=Verdict.AVOID))
    before = run([node("a")], sight(*both, nodes=["a"]))
    proven = sight(both[1], nodes=["a"], proven=[("GpuFellOffBus", "a", "GPU-a")], boots={"a": NOW})

    (after,) = run(before, proven, under=PAUSED)

    assert our_taints(after) == AVOID


def test_what_is_paused_spends_no_budget() -> None:
    decision = decide([node("a")], sight(lost_gpu("a"), nodes=["a"]), PAUSED, {})

    assert decision.ledger.taken == frozenset()
    assert decision.ledger.withheld == {"a": "pause"}


class Kept:
    """A ConfigMap in memory."""

    def __init__(self, kept: dict[str, str] | KubeError | None) -> None:
        self._kept = kept

    def config_map(self, namespace: str, name: str) -> dict[str, str] | None:
        assert (namespace, name) == ("ns", "name")
        if isinstance(self._kept, KubeError):
            raise self._kept
        return self._kept


@pytest.mark.parametrize(
    ("kept", "reason"),
    [
        (None, None),
        ({}, None),
        ({"pause": "false"}, None),
        ({"pause": "true"}, "by ConfigMap ns/name"),
        ({"pause": " True\n"}, "by ConfigMap ns/name"),
        ({"pause": "yes"}, "ConfigMap ns/name: pause is neither true nor false"),
        ({"pause": ""}, "ConfigMap ns/name: pause is neither true nor false"),
        (Denied("HTTP 403"), "ConfigMap ns/name cannot be read: HTTP 403"),
    ],
)
def test_only_false_and_nothing_mean_that_it_runs(
    kept: dict[str, str] | KubeError | None, reason: str | None
) -> None:
    pause = Pause(Kept(kept), namespace="ns", name="name")

    assert pause.reason() == reason
    assert (pause.error is not None) is isinstance(kept, KubeError)


def test_the_flag_pauses_whatever_the_config_map_says() -> None:
    assert Pause(Kept({"pause": "false"}), always=True).reason() == "by --pause"


def test_without_a_name_nothing_is_looked_at() -> None:
    assert Pause(Kept({"pause": "true"})).reason() is None


MAPS = "/api/v1/namespaces/railwatch/configmaps"
PATH = f"{MAPS}/railwatch-bridge"


@pytest.fixture
def paused(site: Site) -> Iterator[None]:
    """The ConfigMap says that the bridge is paused."""
    metadata = {"name": "railwatch-bridge", "namespace": "railwatch"}
    document = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata}
    site.cluster.api.create({**document, "data": {"pause": "true"}})
    yield
    site.cluster.api.delete(PATH)


@pytest.mark.cluster
def test_on_real_servers_a_config_map_pauses_and_resumes(site: Site, paused: None) -> None:
    site.nodes("paused")

    with bridge(site, "paused") as process:
        site.exporters.lose_gpu("paused")
        site.await_status("paused", "True")
        cycles(process, 2)
        held = site.our_taints("paused")
        told = answer_that_says(
            process, "paused, no new taint: by ConfigMap railwatch/railwatch-bridge"
        )
        metric = process.metric("railwatch_bridge_paused")
        site.cluster.api.merge(PATH, {"data": {"pause": "false"}})
        site.await_taints("paused", DRAINED)
        wait_until(lambda: process.metric("railwatch_bridge_paused") == 0)
        wait_until(lambda: "paused" not in process.get("/readyz").text)

    assert held == []
    assert told.status == 200
    assert metric == 1


@pytest.mark.cluster
def test_the_rules_allow_just_this_config_map(site: Site) -> None:
    kube = connect(Connection(kubeconfig=str(site.cluster.kubeconfig_for(USER))))

    assert kube.config_map("railwatch", "railwatch-bridge") is None
    with pytest.raises(Denied):
        kube.config_map("railwatch", "another")
    with pytest.raises(Denied):
        kube.config_map("default", "railwatch-bridge")
