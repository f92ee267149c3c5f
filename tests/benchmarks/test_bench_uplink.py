"""A cycle of the uplink family's kernel worker, beside pyroute2 decoding the same answers."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pyroute2.netlink.rtnl.ifinfmsg import ifinfmsg
from pyroute2.netlink.rtnl.tcmsg import tcmsg
from pytest_benchmark.fixture import BenchmarkFixture

from exporters.runtime import run
from exporters.uplink import configured, interfaces, limiters, pods
from exporters.uplink.pod_names import PodNames
from exporters.uplink.pods import Pods
from testbed import rtnetlink as bed
from testbed.nldev import message
from tests.exporters.uplink.lines import view

PODS = 110
"""What a node has at most, unless told otherwise."""

pytestmark = pytest.mark.benchmark(group=f"a line and {PODS} pods")

LINE = {"name": "dc", "interfaces": ["up0"], "pod_interfaces": ["cali*"]}
COUNTED = bed.statistics(5000, 7, drops=3)


def node() -> bed.SimulatedRtnetlink:
    """Return a kernel with that many pods, and an uplink shaped by htb."""
    links = [bed.link(1, "up0"), *(bed.link(n, f"cali{n:011}") for n in range(2, PODS + 2))]
    shaper = bed.traffic_control(1, "htb", handle=0x10000, parent=bed.ROOT, counts=COUNTED)
    others = [
        bed.traffic_control(n, "noqueue", handle=0, parent=bed.ROOT, counts=COUNTED)
        for n in range(2, PODS + 2)
    ]
    classes = [
        bed.traffic_control(
            1, "htb", handle=0x10000 + n, parent=0x10000, options=bed.htb(9, 9, 9), counts=COUNTED
        )
        for n in range(1, 9)
    ]
    return bed.SimulatedRtnetlink(links=links, qdiscs=[shaper, *others], classes={1: classes})


def test_railwatch(benchmark: BenchmarkFixture, tmp_path: Path) -> None:
    shown = view(tmp_path, node(), LINE)
    of_pods = Pods(shown, PodNames(str(tmp_path), str(tmp_path), shown.kernel))

    def cycle() -> int:
        shown.begin()
        outcomes = [
            run(facility, (shown,))
            for facility in (configured.FACILITY, interfaces.FACILITY, limiters.FACILITY)
        ]
        return sum(len(o.samples) for o in (*outcomes, run(pods.FACILITY, (of_pods,))))

    assert benchmark(cycle) > PODS * 6


def test_pyroute2_decoding_alone(benchmark: BenchmarkFixture) -> None:
    kernel = node()
    links = [message(16, 1, body) for body in kernel.links]
    controls = [message(36, 1, body) for body in (*kernel.qdiscs, *kernel.classes[1])]

    def decode(of: Callable[[bytes], Any], whole: bytes) -> Any:
        made = of(whole)
        made.decode()
        statistics = "IFLA_STATS64" if of is ifinfmsg else "TCA_STATS2"
        return made.get_attr(statistics)

    def every() -> int:
        found = [decode(ifinfmsg, whole) for whole in links]
        found += [decode(tcmsg, whole) for whole in controls]
        return sum(one is not None for one in found)

    assert benchmark(every) == 2 * (PODS + 1) + 8
