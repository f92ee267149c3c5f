import subprocess
import time
from collections.abc import Callable

import pynvml
import pytest

from testbed.nvml import SimulatedNvml, library
from testbed.nvml.layout import RULES
from testbed.waiting import PATIENCE
from tests.testbed.nvml.reading import (
    AGGREGATE,
    Reader,
    field,
    gpu,
    heard,
    listener,
    temperature,
    uncorrected,
)


def test_a_lost_gpu_is_counted_and_answers_that_it_is_lost(nvml: SimulatedNvml) -> None:
    handle, events = gpu(3), listener(3)

    nvml.lose(3)

    assert pynvml.nvmlDeviceGetCount() == 8
    assert heard(events) == [79]
    for call in (pynvml.nvmlDeviceGetPowerUsage, pynvml.nvmlDeviceGetUUID):
        with pytest.raises(pynvml.NVMLError_GpuIsLost):
            call(handle)
    with pytest.raises(pynvml.NVMLError_GpuIsLost):
        pynvml.nvmlDeviceGetHandleByPciBusId("0000:61:00.0")
    with pytest.raises(pynvml.NVMLError_GpuIsLost):
        pynvml.nvmlDeviceGetHandleByIndex(3)


def test_a_lost_gpu_leaves_the_others_alone_and_nvml_still_starts(nvml: SimulatedNvml) -> None:
    nvml.lose(3)

    pynvml.nvmlInit()

    assert [temperature(index) for index in range(8) if index != 3] == [31] * 7
    pynvml.nvmlShutdown()


def test_a_gpu_can_be_lost_without_an_xid_and_recovered(nvml: SimulatedNvml) -> None:
    events = listener(3)
    nvml.lose(3, xid=None)

    nvml.recover(3)

    assert heard(events) == []
    assert temperature(3) == 31


def test_a_call_hangs_until_the_gpu_is_recovered(
    nvml: SimulatedNvml, reader: Callable[[str], Reader]
) -> None:
    nvml.hang(3, call="nvmlDeviceGetTemperature")

    program = reader(
        "gpu = pynvml.nvmlDeviceGetHandleByIndex(3)\n"
        "print(pynvml.nvmlDeviceGetPowerUsage(gpu), flush=True)\n"
        "print(pynvml.nvmlDeviceGetTemperature(gpu, 0))"
    )

    assert program.line() == "72000"
    assert temperature(4) == 31
    time.sleep(0.1)
    assert program.process.poll() is None
    nvml.recover(3)
    assert program.output() == "31"


def test_a_program_that_hangs_can_be_killed(
    nvml: SimulatedNvml, reader: Callable[[str], Reader]
) -> None:
    nvml.hang(3)
    program = reader("print('going', flush=True)\npynvml.nvmlDeviceGetHandleByIndex(3)")
    assert program.line() == "going"

    program.process.kill()

    assert program.process.wait(timeout=PATIENCE) == -9


def test_a_hung_driver_hangs_every_program_at_once(
    nvml: SimulatedNvml, reader: Callable[[str], Reader]
) -> None:
    nvml.hang(call="nvmlInit*")

    programs = [reader("print(pynvml.nvmlDeviceGetCount())") for _ in range(3)]

    time.sleep(0.3)
    assert [program.process.poll() for program in programs] == [None] * 3
    nvml.recover()
    assert [program.output() for program in programs] == ["8"] * 3


def test_a_call_fails_with_the_error_that_was_chosen(nvml: SimulatedNvml) -> None:
    nvml.fail(3, call="nvmlDeviceGetPower*", error=pynvml.NVML_ERROR_RESET_REQUIRED)

    with pytest.raises(pynvml.NVMLError_ResetRequired):
        pynvml.nvmlDeviceGetPowerUsage(gpu(3))
    assert temperature(3) == 31
    assert pynvml.nvmlDeviceGetPowerUsage(gpu(2)) == 72_000


def test_a_driver_error_strikes_every_gpu(nvml: SimulatedNvml) -> None:
    nvml.fail(call="nvmlDeviceGetTemperature", error=pynvml.NVML_ERROR_LIB_RM_VERSION_MISMATCH)

    for index in (0, 7):
        with pytest.raises(pynvml.NVMLError_LibRmVersionMismatch):
            temperature(index)


def test_a_slow_call_takes_so_much_longer(nvml: SimulatedNvml) -> None:
    nvml.slow(3, call="nvmlDeviceGetTemperature", milliseconds=150)
    before = time.monotonic()

    assert temperature(3) == 31

    assert time.monotonic() - before >= 0.15


def test_a_rule_reaches_the_wait_for_a_gpus_events(nvml: SimulatedNvml) -> None:
    events, other = listener(3), listener(4)
    nvml.fail(3, call="nvmlEventSetWait*", error=pynvml.NVML_ERROR_UNKNOWN)

    with pytest.raises(pynvml.NVMLError_Unknown):
        pynvml.nvmlEventSetWait(events, 0)

    assert heard(other) == []


def test_the_latest_rule_for_a_call_counts(nvml: SimulatedNvml) -> None:
    nvml.fail(3, call="nvmlDeviceGetTemperature", error=pynvml.NVML_ERROR_UNKNOWN)

    nvml.fail(3, call="nvmlDeviceGetTemperature", error=pynvml.NVML_ERROR_TIMEOUT)

    with pytest.raises(pynvml.NVMLError_Timeout):
        temperature(3)


def test_a_rule_for_a_call_that_is_not_there_is_refused(nvml: SimulatedNvml) -> None:
    with pytest.raises(ValueError, match="nvmlDeviceGetTemperature"):
        nvml.hang(3, call="nvmlDeviceGetTemperatur")


def test_more_rules_than_fit_are_refused(nvml: SimulatedNvml) -> None:
    calls = sorted(library.calls())
    for call in calls[:RULES]:
        nvml.hang(3, call=call)

    with pytest.raises(ValueError, match="recover first"):
        nvml.hang(3, call=calls[RULES])


def test_every_call_of_the_library_can_be_steered(nvml: SimulatedNvml) -> None:
    exported = subprocess.run(
        ["nm", "-D", "--defined-only", str(nvml.library)],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    names = {line.split()[-1] for line in exported.stdout.splitlines()}

    assert names - {"nvmlErrorString"} == set(library.calls())


def test_a_removed_card_moves_the_indices_after_it(nvml: SimulatedNvml) -> None:
    handle = gpu(5)

    nvml.remove(3)

    assert pynvml.nvmlDeviceGetCount() == 7
    assert pynvml.nvmlDeviceGetUUID(gpu(3)) == nvml.uuid(4)
    assert pynvml.nvmlDeviceGetIndex(handle) == 4
    with pytest.raises(pynvml.NVMLError_NotFound):
        pynvml.nvmlDeviceGetHandleByUUID(nvml.uuid(3))
    nvml.recover(3)
    assert pynvml.nvmlDeviceGetCount() == 8


def test_another_card_in_the_slot_is_another_gpu(nvml: SimulatedNvml) -> None:
    old = nvml.uuid(3)
    nvml.lose(3)

    nvml.replace(3)

    assert pynvml.nvmlDeviceGetUUID(gpu(3)) == nvml.uuid(3) != old
    assert pynvml.nvmlDeviceGetPciInfo(gpu(3)).busId == "00000000:61:00.0"


def test_a_reset_leaves_no_recovery_action(nvml: SimulatedNvml) -> None:
    nvml.set(3, ecc_uncorrected=1, recovery_action=1)

    nvml.reset(3)

    assert (uncorrected(3), field(3, pynvml.NVML_FI_DEV_GET_GPU_RECOVERY_ACTION)) == (0, 0)


def test_after_a_reboot_all_are_healthy_and_count_from_zero(nvml: SimulatedNvml) -> None:
    events = listener(2)
    nvml.set(2, ecc_uncorrected=4, energy=1 << 40)
    nvml.xid(2, 48)
    nvml.lose(3)
    nvml.hang(4)
    nvml.fail(error=pynvml.NVML_ERROR_UNKNOWN)

    nvml.reboot()

    assert [temperature(index) for index in range(8)] == [31] * 8
    assert (uncorrected(2), uncorrected(2, AGGREGATE)) == (0, 4)
    assert pynvml.nvmlDeviceGetTotalEnergyConsumption(gpu(2)) < 1 << 30
    assert heard(events) == []
    nvml.xid(2, 79)
    assert heard(events) == [79]
