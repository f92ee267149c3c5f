import threading
import time
from collections.abc import Callable

import pynvml
import pytest

from testbed.nvml import SimulatedNvml, control, state
from testbed.nvml.layout import EVENTS, SETS
from tests.testbed.nvml.reading import XID, Reader, gpu, heard, listener


def test_every_listener_hears_an_xid_once(nvml: SimulatedNvml) -> None:
    first, second = listener(3), listener(3)

    nvml.xid(3, 79)

    assert (heard(first), heard(second)) == ([79], [79])
    assert (heard(first), heard(second)) == ([], [])


def test_an_event_says_which_gpu_it_was_and_what_kind(nvml: SimulatedNvml) -> None:
    events = listener(*range(8))

    nvml.xid(6, 48)

    event = pynvml.nvmlEventSetWait(events, 0)
    assert pynvml.nvmlDeviceGetUUID(event.device) == nvml.uuid(6)
    assert (event.eventType, event.eventData) == (XID, 48)
    assert event.gpuInstanceId == 0xFFFFFFFF


def test_what_happened_before_the_registration_is_not_heard(nvml: SimulatedNvml) -> None:
    events = pynvml.nvmlEventSetCreate()
    nvml.xid(3, 31)
    pynvml.nvmlDeviceRegisterEvents(gpu(3), XID, events)

    nvml.xid(3, 79)

    assert heard(events) == [79]


def test_registering_again_loses_no_event(nvml: SimulatedNvml) -> None:
    events = listener(3)
    nvml.xid(3, 79)

    pynvml.nvmlDeviceRegisterEvents(gpu(3), XID, events)

    assert heard(events) == [79]


def test_only_registered_gpus_and_types_are_heard(nvml: SimulatedNvml) -> None:
    events = listener(3)

    nvml.xid(4, 79)
    nvml.event(3, pynvml.nvmlEventTypeClock)

    assert heard(events) == []


def test_one_unsupported_type_registers_none(nvml: SimulatedNvml) -> None:
    events = pynvml.nvmlEventSetCreate()
    supported = pynvml.nvmlDeviceGetSupportedEventTypes(gpu(3))
    unsupported = pynvml.nvmlEventTypePowerSourceChange

    with pytest.raises(pynvml.NVMLError_NotSupported):
        pynvml.nvmlDeviceRegisterEvents(gpu(3), XID | unsupported, events)

    nvml.xid(3, 79)
    assert supported & XID
    assert not supported & unsupported
    assert heard(events) == []


def test_a_wait_ends_with_the_event_and_not_with_its_timeout(nvml: SimulatedNvml) -> None:
    events = listener(3)
    later = threading.Timer(0.1, nvml.xid, (3, 79))
    later.start()
    before = time.monotonic()

    event = pynvml.nvmlEventSetWait(events, 200_000)

    later.join()
    assert event.eventData == 79
    assert time.monotonic() - before < 150


def test_a_wait_without_event_takes_its_time(nvml: SimulatedNvml) -> None:
    events = listener(3)
    before = time.monotonic()

    with pytest.raises(pynvml.NVMLError_Timeout):
        pynvml.nvmlEventSetWait(events, 150)

    assert time.monotonic() - before >= 0.15


def test_a_listener_that_is_too_slow_hears_the_latest(nvml: SimulatedNvml) -> None:
    events = listener(0)
    with control.change(nvml.control) as changed:
        for code in range(1, EVENTS + 11):
            state.append(changed, 0, XID, code)

    assert heard(events) == list(range(11, EVENTS + 11))


def test_sets_can_be_freed_and_made_anew(nvml: SimulatedNvml) -> None:
    for _ in range(300):
        pynvml.nvmlEventSetFree(pynvml.nvmlEventSetCreate())
    events = pynvml.nvmlEventSetCreate()
    pynvml.nvmlEventSetFree(events)

    with pytest.raises(pynvml.NVMLError_InvalidArgument):
        pynvml.nvmlEventSetWait(events, 0)


def test_the_last_shutdown_frees_the_sets(nvml: SimulatedNvml) -> None:
    taken = [pynvml.nvmlEventSetCreate() for _ in range(SETS)]
    with pytest.raises(pynvml.NVMLError) as error:
        pynvml.nvmlEventSetCreate()

    pynvml.nvmlShutdown()
    pynvml.nvmlInit()

    assert error.value.value == pynvml.NVML_ERROR_INSUFFICIENT_RESOURCES
    assert len([pynvml.nvmlEventSetCreate() for _ in taken]) == SETS


def test_every_process_hears_every_xid(
    nvml: SimulatedNvml, reader: Callable[[str], Reader]
) -> None:
    listen = (
        "events = pynvml.nvmlEventSetCreate()\n"
        "for index in range(8):\n"
        "    gpu = pynvml.nvmlDeviceGetHandleByIndex(index)\n"
        "    pynvml.nvmlDeviceRegisterEvents(gpu, 8, events)\n"
        "print('ready', flush=True)\n"
        "print(*[pynvml.nvmlEventSetWait(events, 60000).eventData for _ in range(3)])"
    )
    programs = [reader(listen) for _ in range(3)]
    assert [program.line() for program in programs] == ["ready"] * 3

    for index, code in enumerate((48, 79, 95)):
        nvml.xid(index, code)

    assert [program.output() for program in programs] == ["48 79 95"] * 3


def test_a_forked_worker_has_a_cursor_of_its_own(
    nvml: SimulatedNvml, reader: Callable[[str], Reader]
) -> None:
    program = reader(
        "import os\n"
        "gpu = pynvml.nvmlDeviceGetHandleByIndex(3)\n"
        "events = pynvml.nvmlEventSetCreate()\n"
        "pynvml.nvmlDeviceRegisterEvents(gpu, 8, events)\n"
        "child = os.fork()\n"
        "print('ready', flush=True)\n"
        "print(pynvml.nvmlEventSetWait(events, 60000).eventData, flush=True)\n"
        "child and os.waitpid(child, 0)"
    )
    assert [program.line(), program.line()] == ["ready", "ready"]

    nvml.xid(3, 79)

    assert program.output() == "79\n79"


def test_the_newer_call_tells_the_same_event_and_when_it_was(nvml: SimulatedNvml) -> None:
    events, before = listener(3), time.time()

    nvml.xid(3, 79)

    told = pynvml.c_nvmlEventSetWait_v3_t()
    pynvml.nvmlEventSetWait_v3(events, told)
    assert (told.dataType, told.eventType, told.eventData) == (0, XID, 79)
    assert (told.groupCursor, told.groupSize) == (0, 0)
    assert before - 1e-3 <= told.timestampUsec / 1e6 <= time.time()
    with pytest.raises(pynvml.NVMLError_Timeout):
        pynvml.nvmlEventSetWait_v3(events, told)
