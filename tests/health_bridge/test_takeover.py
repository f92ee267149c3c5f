"""Two replicas as they run by default: one is paused, the other leads, the first comes back."""

import time

import pytest

from testbed.waiting import wait_until
from tests.health_bridge.site import Bridge, Site, bridge

pytestmark = pytest.mark.cluster

WITHIN = 15.0
"""Seconds in which a replica must have taken over."""


def leads(process: Bridge) -> bool:
    return process.metric("railwatch_bridge_leader") == 1


def test_a_paused_leader_is_followed_in_time_and_writes_nothing_when_it_comes_back(
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
        paused = time.monotonic()
        site.exporters.lose_gpu("pair-0")
        wait_until(lambda: leads(second), within=2 * WITHIN)
        took = time.monotonic() - paused
        site.await_status("pair-0", "True")
        by_second = site.cluster.node("pair-0")
        first.resume()
        site.exporters.lose_gpu("pair-1")
        site.await_status("pair-1", "True")
        wait_until(lambda: first.get("/readyz").text.endswith(" leads\n"))
        taints = [
            each.metric('railwatch_bridge_steps_total{kind="set_taint"}')
            for each in (first, second)
        ]
        told = first.get("/readyz")

    assert took < WITHIN
    assert taints == [0, 2]
    assert told.status == 200
    assert "standby" in told.text
    assert site.cluster.node("pair-0") == by_second
