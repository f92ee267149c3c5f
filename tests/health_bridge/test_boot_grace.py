"""A device that looks lost for a moment while its node comes up demands no second reboot."""

import time

import pytest

from health_bridge.decision.decide import questions
from health_bridge.decision.nodes import Node
from health_bridge.decision.policy import Policy
from health_bridge.decision.record import read_record
from health_bridge.decision.sight import Sight
from testbed.waiting import wait_until
from tests.health_bridge.site import Site, bridge
from tests.health_bridge.test_loop import cycles
from tests.health_bridge.worlds import NOW, lost_gpu, node, policy, run, sight, status

BOOT = NOW + 1000
GRACE = policy(boot_grace=300)
PROVEN = sight(
    nodes=["a"], now=BOOT + 2000, proven=[("GpuFellOffBus", "a", "GPU-a")], boots={"a": BOOT}
)


def again(at: int, *, now: int, boots: dict[str, float] | None = None) -> Sight:
    """The alert fires since `at`; the node has booted at BOOT."""
    return sight(
        lost_gpu("a", since=at),
        nodes=["a"],
        now=now,
        boots={"a": BOOT} if boots is None else boots,
    )


def faulty() -> list[Node]:
    return run([node("a")], sight(lost_gpu("a"), nodes=["a"]))


def since(at: Node) -> int:
    (fault,) = read_record(at.devices, at.owned).faults
    return fault.since


def test_within_the_grace_it_is_no_new_occurrence() -> None:
    (during,) = run(faulty(), again(BOOT + 20, now=BOOT + 30), under=GRACE)
    (after,) = run([during], PROVEN, under=GRACE)

    assert status(during) == "True"
    assert since(during) == NOW - 60
    assert status(after) == "False"


@pytest.mark.parametrize(
    ("seen", "under"),
    [
        (again(BOOT + 20, now=BOOT + 301), GRACE),
        (again(BOOT + 400, now=BOOT + 401), GRACE),
        (again(BOOT + 20, now=BOOT + 30), policy(boot_grace=0)),
        (again(BOOT + 20, now=BOOT + 30, boots={}), GRACE),
    ],
    ids=["goes on", "begins after it", "no grace", "boot unknown"],
)
def test_beyond_the_grace_it_demands_another_reboot(seen: Sight, under: Policy) -> None:
    during = run(faulty(), seen, under=under)
    (after,) = run(during, PROVEN, under=under)

    assert since(during[0]) > BOOT
    assert status(after) == "True"


def test_an_alert_that_flaps_and_no_boot_between_keeps_its_beginning_and_is_no_write() -> None:
    quiet = sight(nodes=["a"], now=BOOT + 25, boots={"a": NOW - 9999})
    before = run(faulty(), again(BOOT + 20, now=BOOT + 21, boots={"a": NOW - 9999}), quiet)

    after = run(before, again(BOOT + 40, now=BOOT + 41, boots={"a": NOW - 9999}), quiet)

    assert after == before
    assert since(after[0]) == NOW - 60


def test_what_began_again_before_the_boot_needs_no_other() -> None:
    during = run(faulty(), again(BOOT - 20, now=BOOT + 30), under=GRACE)
    (after,) = run(during, PROVEN, under=GRACE)

    assert status(during[0]) == "True"
    assert status(after) == "False"


def test_a_boot_time_is_asked_for_only_where_the_alert_fires_again() -> None:
    first = questions(faulty(), sight(lost_gpu("a"), nodes=["a"]), GRACE)
    second = questions(faulty(), again(BOOT + 20, now=BOOT + 30), GRACE)

    assert first.boots == frozenset()
    assert second.boots == {"a"}
    assert second.proofs == {}


@pytest.mark.cluster
def test_30_on_real_servers_one_reboot_is_enough(site: Site) -> None:
    site.nodes("grace")

    with bridge(site, "grace", "--boot-grace=1h") as process:
        site.exporters.lose_gpu("grace")
        site.await_status("grace", "True")
        first = site.faults("grace")[0].since
        site.exporters.set("test_gpu_lost", "grace", 0, uuid="GPU-grace", gpu="3")
        site.await_quiet("grace")
        booted = time.time()
        site.exporters.set("test_boot_time", "grace", booted)
        wait_until(
            lambda: site.prometheus.query(f'test_boot_time{{node="grace"}} > {booted - 1}'),
        )
        site.exporters.lose_gpu("grace")
        site.await_firing("grace")
        cycles(process, 2)
        during = site.faults("grace")[0].since
        site.exporters.heal("grace")
        site.await_status("grace", "False")

    assert during == first
    assert site.our_taints("grace") == []
