"""The kernel log as the worker reads it and the program follows it."""

import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from catalog.exporter import NODE_KERNEL_LOG_LOST
from exporters.facility import Cycle, End, Outcome, State
from exporters.node import kernel_log
from exporters.node.family import NodeFamily
from exporters.node.kernel_log import Entry, KernelLog
from exporters.node.tail import Tail
from exporters.post import Pace
from exporters.runtime import run
from exporters.settings import Settings
from testbed.kernel_log import USER, SimulatedKernelLog
from testbed.sysfs import SimulatedSysfs
from tests.exporters.samples import at, cycle, outcome

XID = "NVRM: Xid (PCI:0000:05:00): 79, GPU has fallen off the bus."


class Node:
    """A simulated log, the program's side of it, and workers that come and go."""

    def __init__(self, log: SimulatedKernelLog, sysfs: SimulatedSysfs) -> None:
        self.log = log
        self.sysfs = sysfs
        self.entries: list[Entry] = []
        self.begin_program()
        self.begin_worker()

    def begin_program(self) -> None:
        self.family = NodeFamily(Settings(), Pace.of(5.0, epoch=0.0))
        assert self.family.tail is not None
        self.tail: Tail = self.family.tail
        self.tail.listen(self)
        self.entries.clear()

    def begin_worker(self) -> None:
        target = self.family.posts[0].target()
        self._worker = KernelLog(str(self.log.path), self.sysfs.proc, target)

    def begin(self) -> None:
        self.entries.clear()

    def hear(self, entry: Entry) -> None:
        self.entries.append(entry)

    def look(self) -> Outcome:
        return run(kernel_log.FACILITY, [self._worker])

    def follow(self) -> Outcome:
        told = self.look()
        self.take(cycle(told))
        return told

    def take(self, told: Cycle) -> None:
        (post,) = self.family.posts
        post._fold(told, at(10))

    @property
    def messages(self) -> list[str]:
        return [entry.message for entry in self.entries]

    @property
    def lost(self) -> float | None:
        samples = [s for s in self.family.samples(at(10)) if s.metric is NODE_KERNEL_LOG_LOST]
        return samples[0].value if samples else None


@pytest.fixture
def node(tmp_path: Path) -> Iterator[Node]:
    log = SimulatedKernelLog(tmp_path / "kmsg")
    log.reboot()
    with SimulatedSysfs(ports=0) as sysfs:
        yield Node(log, sysfs)


def test_lines_of_drivers_are_told_once_and_no_others(node: Node) -> None:
    node.log.line("usb 1-1: new device")
    node.log.line(XID)

    assert node.follow().state is State.OK
    assert node.messages == [XID]
    assert node.tail.complete
    assert node.follow().state is State.OK
    assert node.messages == [XID]


def test_the_time_is_when_it_was_logged(node: Node) -> None:
    when = time.time() - 30
    node.log.line(XID, at=when)

    node.follow()

    assert node.entries[0].time == pytest.approx(when, abs=1)


def test_a_time_is_never_in_the_future(node: Node) -> None:
    node.log.line(XID, at=time.time() + 3600)

    node.follow()

    assert node.entries[0].time <= time.time()


def test_what_a_program_wrote_is_no_fault(node: Node) -> None:
    node.log.line(XID, facility=USER)
    node.log.line("NVRM: GPU at x\nNVRM: Xid (PCI:0000:05:00): 79, in a second line")

    node.follow()

    assert node.messages == []


def test_a_new_worker_goes_on_where_the_last_one_came_to(node: Node) -> None:
    node.log.line(XID)
    node.follow()
    node.begin_worker()
    node.log.line(XID)

    told = node.follow()

    assert [note.name for note in told.notes].count(kernel_log.LINE) == 1
    assert len(node.entries) == 2
    assert node.lost == 0


def test_a_worker_that_dies_before_it_told_loses_nothing(node: Node) -> None:
    node.log.line(XID)
    node.look()
    node.take(cycle(end=End.DIED))
    assert node.tail.record.state is State.FAILED
    node.begin_worker()

    node.follow()

    assert node.messages == [XID]


def test_what_is_told_twice_counts_once(node: Node) -> None:
    node.log.line(XID)
    told = node.look()

    node.take(cycle(told))
    node.take(cycle(told))

    assert node.messages == [XID]


def test_a_restarted_program_hears_all_of_the_boot_again(node: Node) -> None:
    node.log.line(XID, at=time.time() - 60)
    node.follow()
    first = list(node.entries)

    for _ in range(2):
        node.begin_program()
        node.begin_worker()
        node.follow()

        (again,) = node.entries
        assert (again.sequence, again.message) == (first[0].sequence, first[0].message)
        assert again.time == pytest.approx(first[0].time, abs=1)


def test_records_overwritten_unread_are_counted_and_make_one_look_fail(node: Node) -> None:
    node.follow()
    assert node.lost == 0
    node.log.lose(5)
    node.log.line(XID)

    told = node.follow()

    assert told.state is State.FAILED
    assert "5 records were overwritten" in told.problem
    assert node.messages == [XID]
    assert node.lost == 5
    assert node.follow().state is State.OK
    assert node.lost == 5


def test_records_overwritten_before_the_first_look_are_counted_and_fail_nothing(
    node: Node,
) -> None:
    node.log.path.write_bytes(b"6,1000,5,-;the oldest record left\n")

    assert node.follow().state is State.OK
    assert node.lost == 1000


def test_another_boot_begins_again(node: Node) -> None:
    for _ in range(3):
        node.log.line(XID)
    node.follow()

    node.log.reboot()
    node.log.line(XID)
    node.sysfs.reboot()
    node.follow()

    assert [entry.sequence for entry in node.entries] == [1]
    assert node.tail.complete
    assert node.lost == 0


def test_a_log_longer_than_one_look_is_complete_at_its_end(
    node: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kernel_log, "_AT_ONCE", 10)
    node.log.raw(b"".join(b"6,%d,5,-;%s\n" % (i, b"x" * 4000) for i in range(1, 30)))
    node.log.line(XID)

    node.follow()
    seen = [node.tail.complete]
    while not seen[-1]:
        assert not node.tail.unreadable
        node.follow()
        seen.append(node.tail.complete)

    assert len(seen) > 2
    assert node.messages == [XID]


def test_no_log_is_absent(node: Node) -> None:
    node.log.path.unlink()

    assert node.follow().state is State.ABSENT
    assert node.tail.unreadable


def test_a_device_that_is_no_kernel_log_is_unreadable(node: Node) -> None:
    node.log.path.unlink()
    os.mkfifo(node.log.path)

    told = node.follow()

    assert told.state is State.FAILED
    assert "this is no kernel log" in told.problem
    assert node.tail.unreadable


def test_a_log_once_read_stays_what_counts(node: Node) -> None:
    node.follow()

    node.take(cycle(end=End.HUNG))

    assert node.tail.record.state is State.HUNG
    assert not node.tail.unreadable


def test_hostile_lines_harm_nobody(node: Node) -> None:
    node.log.raw(b"\x00\xff\xfe\n" + b"3," * 5000 + b";\n3,18446744073709551615")
    node.log.raw(b"\n" + b"A" * 200_000 + b"\n")
    node.log.line(XID)

    assert node.follow().state is State.OK
    assert node.messages == [XID]


def test_without_the_facility_there_is_no_tail() -> None:
    family = NodeFamily(Settings(facilities=frozenset({"node.boot"})), Pace.of(5.0, epoch=0.0))

    family.posts[0]._fold(cycle(outcome("boot")), at(1))

    assert family.tail is None
    assert family.posts[0].target() == {}
    assert family.settled
