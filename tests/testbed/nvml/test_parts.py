"""What a simulated GPU is divided into, runs and rents; and the profiles."""

import ctypes

import pynvml
import pytest

from testbed.nvml import PROFILES, SimulatedNvml, state
from testbed.nvml.layout import ABSENT, GPUS, OPTIONAL, SIGNED
from testbed.nvml.parts import COMPUTE, MIGS, NO_INSTANCE, SAMPLES, License, Process
from testbed.nvml.profiles import MigShape
from tests.testbed.nvml.reading import gpu

GIB = 1 << 30


@pytest.fixture
def divided(nvml: SimulatedNvml) -> object:
    shapes = [
        MigShape(profile="3g.40gb", gpu_instance=2, memory=40 * GIB),
        MigShape(profile="1g.10gb", gpu_instance=9, memory=10 * GIB),
    ]
    nvml.set(3, mig_mode=1)
    with nvml.card(3) as card:
        state.divide(card, shapes)
    return gpu(3)


def mig(of: object, place: int) -> object:
    return pynvml.nvmlDeviceGetMigDeviceHandleByIndex(of, place)


def test_a_mig_device_is_named_counted_and_measured_as_one(
    nvml: SimulatedNvml, divided: object
) -> None:
    second = mig(divided, 1)

    assert pynvml.nvmlDeviceGetMigMode(divided) == [1, 1]
    assert pynvml.nvmlDeviceGetMaxMigDeviceCount(divided) == MIGS
    assert pynvml.nvmlDeviceGetName(second) == "NVIDIA H100 80GB HBM3 MIG 1g.10gb"
    assert str(pynvml.nvmlDeviceGetUUID(second)).startswith("MIG-")
    assert pynvml.nvmlDeviceGetGpuInstanceId(second) == 9
    assert pynvml.nvmlDeviceGetComputeInstanceId(second) == 0
    assert pynvml.nvmlDeviceGetMemoryInfo(second).total == 10 * GIB
    assert pynvml.nvmlDeviceGetMemoryInfo(second, pynvml.nvmlMemory_v2).free == 10 * GIB
    assert pynvml.nvmlDeviceIsMigDeviceHandle(second).value == 1
    assert pynvml.nvmlDeviceIsMigDeviceHandle(divided).value == 0
    parent = pynvml.nvmlDeviceGetDeviceHandleFromMigDeviceHandle(second)
    assert pynvml.nvmlDeviceGetUUID(parent) == nvml.uuid(3)


def test_a_place_without_a_mig_device_is_not_found(divided: object) -> None:
    with pytest.raises(pynvml.NVMLError_NotFound):
        mig(divided, 2)
    with pytest.raises(pynvml.NVMLError_InvalidArgument):
        mig(divided, MIGS)


def test_a_handle_outlives_its_mig_device_and_is_refused(
    nvml: SimulatedNvml, divided: object
) -> None:
    old = mig(divided, 1)

    with nvml.card(3) as card:
        state.divide(card, [])

    with pytest.raises(pynvml.NVMLError_InvalidArgument):
        pynvml.nvmlDeviceGetUUID(old)


def test_what_nvml_does_not_tell_of_a_mig_device_is_refused(divided: object) -> None:
    with pytest.raises(pynvml.NVMLError_InvalidArgument):
        pynvml.nvmlDeviceGetPowerUsage(mig(divided, 0))
    with pytest.raises(pynvml.NVMLError_NotSupported):
        pynvml.nvmlDeviceGetUtilizationRates(divided)


def sampled(nvml: SimulatedNvml, *, rate: float) -> ctypes.Structure:
    with nvml.card(0) as card:
        state.set_rates(card, {"sm_active": rate})
    buffer: ctypes.Structure = pynvml.nvmlGpmSampleAlloc()
    pynvml.nvmlGpmSampleGet(gpu(0), buffer)
    return buffer


def rates(
    older: ctypes.Structure, newer: ctypes.Structure, *metrics: int
) -> list[tuple[int, float]]:
    asked = pynvml.c_nvmlGpmMetricsGet_t()
    asked.version = pynvml.NVML_GPM_METRICS_GET_VERSION
    asked.numMetrics, asked.sample1, asked.sample2 = len(metrics), older, newer
    for place, metric in enumerate(metrics):
        asked.metrics[place].metricId = metric
    pynvml.nvmlGpmMetricsGet(asked)
    told = asked.metrics[: len(metrics)]
    return [(metric.nvmlReturn, metric.value) for metric in told]


def test_gpm_tells_what_the_newer_of_two_samples_saw(nvml: SimulatedNvml) -> None:
    older, newer = sampled(nvml, rate=10), sampled(nvml, rate=37.5)

    found = rates(older, newer, pynvml.NVML_GPM_METRIC_SM_UTIL)

    assert found == [(pynvml.NVML_SUCCESS, 37.5)]


def test_gpm_refuses_samples_in_the_wrong_order(nvml: SimulatedNvml) -> None:
    older, newer = sampled(nvml, rate=10), sampled(nvml, rate=20)

    with pytest.raises(pynvml.NVMLError_InvalidArgument):
        rates(newer, older, pynvml.NVML_GPM_METRIC_SM_UTIL)


def test_a_rate_may_be_lacking_or_fail_by_itself(nvml: SimulatedNvml) -> None:
    nvml.fail(0, call="gpm/3", error=pynvml.NVML_ERROR_UNKNOWN)
    older, newer = sampled(nvml, rate=10), sampled(nvml, rate=ABSENT)

    lacking, failed = rates(older, newer, 2, 3)

    assert lacking[0] == pynvml.NVML_ERROR_NOT_SUPPORTED
    assert failed[0] == pynvml.NVML_ERROR_UNKNOWN


def test_buffers_run_out_until_one_is_freed(nvml: SimulatedNvml) -> None:
    taken = [pynvml.nvmlGpmSampleAlloc() for _ in range(SAMPLES)]

    with pytest.raises(pynvml.NVMLError_Memory):
        pynvml.nvmlGpmSampleAlloc()
    pynvml.nvmlGpmSampleFree(taken[0])
    pynvml.nvmlGpmSampleAlloc()


def test_a_field_may_fail_by_itself(nvml: SimulatedNvml) -> None:
    nvml.fail(0, call="field/230", error=pynvml.NVML_ERROR_UNKNOWN)

    first, second = pynvml.nvmlDeviceGetFieldValues(gpu(0), [230, pynvml.NVML_FI_DEV_MEMORY_TEMP])

    assert first.nvmlReturn == pynvml.NVML_ERROR_UNKNOWN
    assert second.nvmlReturn == pynvml.NVML_SUCCESS


def test_processes_are_listed_by_type_and_by_mig_device(
    nvml: SimulatedNvml, divided: object
) -> None:
    with nvml.card(3) as card:
        of_device = Process(kind=COMPUTE, pid=11, memory=GIB, gpu_instance=9, compute_instance=0)
        whole = Process(kind=COMPUTE, pid=12, memory=ABSENT, gpu_instance=NO_INSTANCE)
        state.set_processes(card, [of_device, whole])

    everything = pynvml.nvmlDeviceGetComputeRunningProcesses(divided)
    (one,) = pynvml.nvmlDeviceGetComputeRunningProcesses(mig(divided, 1))

    assert [(p.pid, p.usedGpuMemory) for p in everything] == [(11, GIB), (12, None)]
    assert (one.pid, one.gpuInstanceId) == (11, 9)
    assert pynvml.nvmlDeviceGetGraphicsRunningProcesses(divided) == []


def test_only_a_host_has_vgpus(nvml: SimulatedNvml) -> None:
    with pytest.raises(pynvml.NVMLError_NotSupported):
        pynvml.nvmlDeviceGetActiveVgpus(gpu(0))
    with nvml.card(0) as card:
        state.set_vgpus(card, [License(present=1, uuid=b"one", state=5, status=2, expiry=86_400)])

    (vgpu,) = pynvml.nvmlDeviceGetActiveVgpus(gpu(0))
    told = pynvml.nvmlVgpuInstanceGetLicenseInfo(ctypes.c_uint(vgpu))

    assert pynvml.nvmlVgpuInstanceGetUUID(ctypes.c_uint(vgpu)) == "one"
    assert (told.isLicensed, told.currentState) == (1, 5)
    assert (told.licenseExpiry.year, told.licenseExpiry.day) == (1970, 2)


@pytest.mark.parametrize("profile", PROFILES)
def test_each_profile_lacks_only_what_a_card_may_lack(profile: str) -> None:
    with SimulatedNvml(gpus=GPUS, profile=profile) as node:
        slots = {node.slot(place) for place in range(GPUS)}
        uuids = {node.uuid(place) for place in range(GPUS)}

    assert len(slots) == len(uuids) == GPUS
    for name, value in PROFILES[profile].values.items():
        assert value >= 0 or name in SIGNED or (name in OPTIONAL and value == ABSENT), name


def test_a_pending_mode_follows_unless_it_is_set(nvml: SimulatedNvml) -> None:
    nvml.set(0, mig_mode=1)
    assert pynvml.nvmlDeviceGetMigMode(gpu(0)) == [1, 1]

    nvml.set(0, mig_mode=1, mig_mode_pending=0)

    assert pynvml.nvmlDeviceGetMigMode(gpu(0)) == [1, 0]


def test_an_unknown_rate_is_refused_with_the_nearest(nvml: SimulatedNvml) -> None:
    with nvml.card(0) as card, pytest.raises(ValueError, match="sm_active"):
        state.set_rates(card, {"sm_activ": 1})
