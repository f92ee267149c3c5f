"""Xids from NVML's queue: when each was, as far as the library tells."""

import time

import pynvml

from exporters.facility import Cycle, End, Outcome, State
from exporters.gpu.nvml import Gpu
from exporters.gpu.nvml.events import XidEvent
from exporters.gpu.tally import Heard
from exporters.moment import Moment
from exporters.sample import Note
from testbed.nvml import SimulatedNvml, control

HOUR = 3600 * 10**6


def queued(gpu: Gpu) -> list[XidEvent]:
    found = []
    while (event := gpu.events.next()) is not None:
        found.append(event)
    return found


def test_a_newer_library_tells_when_it_was(node: SimulatedNvml, gpu: Gpu) -> None:
    gpu.events.watch()
    before = time.time()

    node.xid(0, 79)

    (event,) = queued(gpu)
    assert event.code == 79
    assert before - 1e-3 <= event.time <= time.time()


def test_a_library_without_that_call_tells_the_xid_alone(node: SimulatedNvml, gpu: Gpu) -> None:
    node.fail(0, call="nvmlEventSetWait_v3", error=pynvml.NVML_ERROR_FUNCTION_NOT_FOUND)
    gpu.events.watch()

    node.xid(0, 79)
    node.xid(0, 48)

    assert queued(gpu) == [XidEvent(code=79, time=0.0), XidEvent(code=48, time=0.0)]


def test_a_time_of_another_clock_is_none(node: SimulatedNvml, gpu: Gpu) -> None:
    gpu.events.watch()
    for code, shift in ((79, -2 * HOUR), (48, 2 * HOUR)):
        node.xid(0, code)
        with control.change(node.control) as changed:
            changed.events[changed.node.sequence].time += shift

    assert queued(gpu) == [XidEvent(code=79, time=0.0), XidEvent(code=48, time=0.0)]


def last_seen(notes: tuple[Note, ...]) -> set[float]:
    heard, told = Heard(), Outcome(facility="xid", state=State.OK, notes=notes)
    heard.count(Cycle(outcomes=(told,), end=End.OK), Moment(mono=1.0, wall=500.0))
    times = [s for s in heard.samples(("0", "GPU-0")) if s.metric.name.endswith("_seconds")]
    return {sample.value for sample in times if sample.labels[2] == "79"} - {0.0}


def test_an_xid_counts_as_of_its_own_time_where_that_is_told() -> None:
    assert last_seen((Note("xid", 79), Note("xid_time", 321.5))) == {321.5}
    assert last_seen((Note("xid", 79), Note("xid_time", 0.0))) == {500.0}
