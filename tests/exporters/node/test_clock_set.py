"""A node whose clock is set after faults were heard: the boot must not come to stand after them."""

import pytest

from catalog.exporter import NODE_BOOT_TIME
from exporters.gpu.resets import Resets
from exporters.node import boot
from exporters.node.boot import Boot, Held
from exporters.node.family import NodeFamily
from exporters.post import Pace
from exporters.runtime import run
from exporters.settings import Settings
from testbed.sysfs import SimulatedSysfs
from tests.exporters.samples import at, cycle, outcome

BOOTED = 1_700_000_000.0


def read(family: NodeFamily, sysfs: SimulatedSysfs, seconds: float) -> list[float]:
    told = run(boot.FACILITY, [sysfs.proc])
    family._node.fold(cycle(told), at(seconds))
    return [s.value for s in family.samples(at(seconds)) if s.metric is NODE_BOOT_TIME]


def test_the_boot_stays_where_it_was_until_the_next_one() -> None:
    family = NodeFamily(Settings(), Pace.of(5.0, epoch=0.0))
    with SimulatedSysfs(ports=0) as sysfs:
        sysfs.reboot(at=BOOTED)
        first = read(family, sysfs, 1)
        stat = sysfs.proc / "stat"
        stat.write_text(stat.read_text().replace(f"{BOOTED:.0f}", f"{BOOTED + 28_800:.0f}"))
        set_forward = read(family, sysfs, 6)
        sysfs.reboot(at=BOOTED + 30_000)
        again = read(family, sysfs, 11)

    assert (first, set_forward, again) == ([BOOTED], [BOOTED], [BOOTED + 30_000])


def test_a_clock_set_back_takes_the_boot_with_it() -> None:
    held = Held()
    held.take(Boot(id="a", time=BOOTED))

    assert not held.take(Boot(id="a", time=BOOTED - 3600))
    assert held.time == BOOTED - 3600


@pytest.mark.parametrize(("identity", "latest"), [("a", BOOTED), ("b", BOOTED + 28_800)])
def test_a_gpu_was_reset_by_another_boot_and_by_no_clock(identity: str, latest: float) -> None:
    resets = Resets()
    first = outcome("state", notes={"boot_id": "a", "boot_time": BOOTED})
    resets.boot(cycle(first))

    later = outcome("state", notes={"boot_id": identity, "boot_time": BOOTED + 28_800})
    resets.boot(cycle(later))

    assert resets.latest == latest
