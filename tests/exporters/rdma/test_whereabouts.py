"""Devices that are in a pod or a virtual machine, and those that refuse to be read."""

import errno
import os
import shutil
from contextlib import closing
from pathlib import Path

import pytest

from exporters.facility import Cycle, End, Outcome, State
from exporters.post import Pace
from exporters.rdma.devices import ELSEWHERE, RESTRICTED, by_device
from exporters.rdma.elsewhere import Lookout
from exporters.rdma.ethnl import EthtoolNetlink
from exporters.rdma.ethtool import Ethtool
from exporters.rdma.ethtool_worker import InterfacesSession
from exporters.rdma.family import RdmaFamily
from exporters.rdma.netport import Sockets
from exporters.rdma.restricted import Restrictions
from exporters.rdma.turn import Turn
from exporters.rdma.worker import DevicesSession, attach
from exporters.settings import Settings
from testbed.ethtool import SimulatedEthtool
from testbed.sysfs import SimulatedSysfs
from testbed.sysfs.hardware import device
from tests.exporters.samples import at

KEYS = ("rdma.port", "rdma.counters", "rdma.statistics", "rdma.inventory")


class Node:
    """A node's RDMA devices, as a worker and the program see them."""

    def __init__(self, sysfs: SimulatedSysfs) -> None:
        settings = Settings(sysfs=str(sysfs.path), facilities=frozenset(KEYS))
        self.session: DevicesSession = attach(settings, {})
        self.family = RdmaFamily(settings, Pace.of(5.0, epoch=0.0))
        self.seconds = 0.0

    def read(self) -> Cycle:
        self.seconds += 5
        cycle = Cycle(outcomes=tuple(self.session.cycle()), end=End.OK)
        self.family.readers[0].fold(cycle, at(self.seconds))
        return cycle

    def values(self) -> dict[tuple[str, ...], float]:
        samples = self.family.samples(at(self.seconds))
        return {
            (s.metric.name.removeprefix("railwatch_rdma_"), *s.labels): s.value for s in samples
        }

    def states(self) -> dict[str, str]:
        return {
            key[1]: key[2]
            for key, value in self.values().items()
            if key[0] == "device_state" and value == 1
        }


def address(number: int) -> str:
    return device(number, seed="node-1", ports=1, link_layer="InfiniBand").address


@pytest.mark.parametrize("how", ["move_away", "pass_on"])
def test_a_device_that_is_given_away_is_elsewhere_not_missing(how: str) -> None:
    with SimulatedSysfs(ports=2) as sysfs:
        node = Node(sysfs)
        node.read()

        getattr(sysfs, how)("mlx5_1")
        cycle = node.read()
        away = node.values()
        states = node.states()
        sysfs.restore("mlx5_1")
        node.read()

        assert states == {"mlx5_0": "ok", "mlx5_1": "elsewhere"}
        assert cycle.outcomes[0].notes[-1].value == address(1)
        assert ("port_expected", "mlx5_1", "1", "learned") not in away
        assert away["ports_expected", "learned"] == 1
        assert ("port_state", "mlx5_1", "1") not in away
        assert node.states() == {"mlx5_0": "ok", "mlx5_1": "ok"}
        assert node.values()["ports_expected", "learned"] == 2


def test_a_device_that_is_lost_is_missing_and_still_expected() -> None:
    with SimulatedSysfs(ports=2) as sysfs:
        node = Node(sysfs)
        node.read()

        sysfs.remove("mlx5_1")
        node.read()

        assert node.states() == {"mlx5_0": "ok"}
        assert node.values()["ports_expected", "learned"] == 2


def test_a_device_whose_driver_has_let_go_is_missing() -> None:
    with SimulatedSysfs(ports=2) as sysfs:
        node = Node(sysfs)
        node.read()

        sysfs.pass_on("mlx5_1")
        (sysfs.path / "bus/pci/devices" / address(1) / "driver").unlink()
        node.read()

        assert node.states() == {"mlx5_0": "ok"}


def test_a_device_that_was_never_seen_here_goes_by_its_address() -> None:
    with SimulatedSysfs(ports=2) as sysfs:
        sysfs.move_away("mlx5_0")
        node = Node(sysfs)

        node.read()

        assert node.states() == {address(0): "elsewhere", "mlx5_1": "ok"}


def test_where_every_device_is_elsewhere_nothing_hangs_and_nothing_is_expected() -> None:
    with SimulatedSysfs(ports=1) as sysfs:
        node = Node(sysfs)
        node.read()

        sysfs.move_away("mlx5_0")
        node.read()

        assert node.family.settled
        assert node.values()["ports_expected", "learned"] == 0
        assert {s.state for s in node.family.standings(at(node.seconds))} == {State.ABSENT}


def test_the_bus_is_looked_at_when_a_device_goes_or_comes_only(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with SimulatedSysfs(ports=2) as sysfs:
        lookout = Lookout(sysfs.path)
        lookout.elsewhere(["mlx5_0", "mlx5_1"])
        shutil.rmtree(sysfs.path / "bus")

        assert lookout.elsewhere(["mlx5_1", "mlx5_0"]) == ()


def read_restricted(sysfs: SimulatedSysfs) -> dict[str, Outcome]:
    settings = Settings(sysfs=str(sysfs.path), facilities=frozenset(KEYS))
    cycle = Cycle(outcomes=tuple(attach(settings, {}).cycle()), end=End.OK)
    return {o.facility: o for o in by_device(cycle)["mlx5_0"].outcomes}


def test_a_function_that_refuses_is_left_alone_and_is_told_so() -> None:
    with SimulatedSysfs(ports=2) as sysfs:
        sysfs.restrict("mlx5_0")
        node = Node(sysfs)

        node.read()

        assert node.states() == {"mlx5_0": "restricted", "mlx5_1": "ok"}
        told = [key for key in node.values() if key[1] == "mlx5_0" and key[0] != "device_state"]
        assert [key[0] for key in told] == ["port_info"]
        assert {s.state for s in node.family.standings(at(5))} == {State.OK}


def test_it_is_not_asked_a_second_time(monkeypatch: pytest.MonkeyPatch) -> None:
    with SimulatedSysfs(ports=1) as sysfs:
        sysfs.restrict("mlx5_0")
        tried: list[Path] = []
        read_bytes = Path.read_bytes

        def count(path: Path) -> bytes:
            tried.append(path)
            return read_bytes(path)

        monkeypatch.setattr(Path, "read_bytes", count)
        restrictions = Restrictions(sysfs.path)

        held = [restrictions.hold("mlx5_0") for _ in range(100)]

        assert all(held)
        assert len(tried) == 3


def test_it_is_asked_again_when_it_was_bound_anew() -> None:
    with SimulatedSysfs(ports=1) as sysfs:
        sysfs.restrict("mlx5_0")
        restrictions = Restrictions(sysfs.path)
        before = restrictions.hold("mlx5_0")

        # While the folder is open its number is nobody else's, as in sysfs it never is again.
        held = os.open(sysfs.path / "class/infiniband/mlx5_0", os.O_RDONLY)
        sysfs.remove("mlx5_0")
        gone = restrictions.hold("mlx5_0")
        sysfs.restore("mlx5_0")
        os.close(held)

        assert (before, gone) == (True, False)
        assert not restrictions.hold("mlx5_0")


@pytest.mark.parametrize("odd", ["virtual", "one file", "another driver"])
def test_what_only_looks_like_it_is_read(odd: str) -> None:
    with SimulatedSysfs(ports=1) as sysfs:
        function = sysfs.path / "class/infiniband/mlx5_0/device"
        if odd == "one file":
            sysfs.make_unreadable("class/infiniband/mlx5_0/ports/1/counters/VL15_dropped", 22)
        else:
            sysfs.restrict("mlx5_0")
        if odd == "virtual":
            (function / "physfn").symlink_to("../0000:18:00.0")
        if odd == "another driver":
            (function / "driver").unlink()

        outcomes = read_restricted(sysfs)

        assert not [n for o in outcomes.values() for n in o.notes if n.name == RESTRICTED]
        assert ELSEWHERE not in {n.name for o in outcomes.values() for n in o.notes}


def test_the_interfaces_of_what_refuses_are_left_alone_too() -> None:
    with SimulatedSysfs(ports=3, link_layer="Ethernet") as sysfs:
        sysfs.restrict("mlx5_0")
        tried: list[str] = []
        settings = Settings(sysfs=str(sysfs.path))
        session = InterfacesSession(settings, Turn(facility="roce", without=("mlx5_1",)).target())
        session.sockets.close()
        kernel = SimulatedEthtool()

        def ioctl(_descriptor: int, _request: int, ifreq: bytes) -> bytes:
            tried.append(ifreq[:16].rstrip(b"\0").decode())
            raise OSError(errno.ENODEV, "none")

        session.sockets = Sockets(ethtool=Ethtool(ioctl), netlink=EthtoolNetlink(kernel))
        with closing(session.sockets):
            outcomes = list(session.cycle())

        third = device(2, seed="node-1", ports=1, link_layer="Ethernet").netdev(1)
        assert tried == [third]
        assert not [o.problem for o in outcomes if o.problem]


def test_a_worker_for_interfaces_is_told_what_refuses() -> None:
    with SimulatedSysfs(ports=2) as sysfs:
        sysfs.restrict("mlx5_0")
        node = Node(sysfs)

        node.read()

        assert node.family.avoided() == ["mlx5_0"]
