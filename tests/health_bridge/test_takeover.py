"""Two replicas as they run by default: one is paused, the other leads, the first comes back."""

import pytest

from testbed.waiting import wait_until
from tests.health_bridge.site import Bridge, Site, bridge
from tests.health_bridge.test_loop import DRAINED, answer_that_says, cycles

pytestmark = pytest.mark.cluster

TAINTS = 'railwatch_bridge_steps_total{kind="set_taint"}'


def leads(process: Bridge) -> bool:
    return process.metric("railwatch_bridge_leader") == 1


def test_a_paused_leader_is_followed_and_writes_nothing_when_it_comes_back(
    site: Site,
) -> None:
    site.nodes("pair-0", "pair-1")

    with (
        bridge(site, "pair-0", "--leader-elect") as one,
        bridge(site, "pair-0", "--leader-elect") as two,
    ):
        wait_until(lambda: leads(one) or leads(two))
        first, second = (one, two) if leads(one) else (two, one)
        site.await_status("pair-0", "False")
        first.pause()
        site.exporters.lose_gpu("pair-0")
        wait_until(lambda: leads(second))
        site.await_status("pair-0", "True")
        site.await_status("pair-0", "False", "RdmaLinkDown")
        site.await_taints("pair-0", DRAINED)
        wait_until(lambda: site.faults("pair-0")[0].evidence)
        cycles(second, 2)
        by_second = site.cluster.node("pair-0")
        first.resume()
        site.exporters.lose_gpu("pair-1")
        site.await_status("pair-1", "True")
        site.await_taints("pair-1", DRAINED)
        told = answer_that_says(first, "standby: ")
        by_first, more = (each.metric(TAINTS) for each in (first, second))

    assert by_first == 0
    assert (more or 0) >= 2
    assert told.status == 200
    assert site.cluster.node("pair-0") == by_second
