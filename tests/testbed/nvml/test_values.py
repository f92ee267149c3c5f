import time

import pynvml
import pytest

from testbed.nvml import SimulatedNvml, control
from tests.testbed.nvml.reading import AGGREGATE, DRAM, field, gpu, temperature, uncorrected


def test_each_gpu_of_each_node_is_itself() -> None:
    with SimulatedNvml(gpus=8, seed="node-1") as one, SimulatedNvml(gpus=8, seed="node-2") as other:
        uuids = {node.uuid(slot) for node in (one, other) for slot in range(8)}
        serials = {node.get(slot, "serial") for node in (one, other) for slot in range(8)}

    assert len(uuids) == len(serials) == 16


def test_a_node_of_the_same_seed_has_the_same_gpus() -> None:
    with SimulatedNvml(seed="node-1") as first:
        uuid = first.uuid(3)

    with SimulatedNvml(seed="node-1") as second:
        assert second.uuid(3) == uuid


def test_a_gpu_tells_what_it_is(nvml: SimulatedNvml) -> None:
    handle = gpu(3)

    pci = pynvml.nvmlDeviceGetPciInfo(handle)

    assert pynvml.nvmlDeviceGetUUID(handle) == nvml.uuid(3)
    assert pynvml.nvmlDeviceGetIndex(handle) == pynvml.nvmlDeviceGetMinorNumber(handle) == 3
    assert pynvml.nvmlDeviceGetName(handle) == "NVIDIA H100 80GB HBM3"
    assert pynvml.nvmlDeviceGetSerial(handle) == nvml.get(3, "serial")
    assert pynvml.nvmlDeviceGetVbiosVersion(handle) == nvml.get(3, "vbios")
    assert (pci.busId, pci.busIdLegacy) == ("00000000:61:00.0", "0000:61:00.0")
    assert (pci.bus, pci.pciDeviceId) == (0x61, 0x2330_10DE)


def test_the_node_tells_its_versions(nvml: SimulatedNvml) -> None:
    assert pynvml.nvmlSystemGetNVMLVersion() == "13.580.95.05"
    assert pynvml.nvmlSystemGetCudaDriverVersion_v2() == 13_000
    assert pynvml.nvmlSystemGetCudaDriverVersion() == 13_000


@pytest.mark.parametrize("bus_id", ["00000000:61:00.0", "0000:61:00", "61:00.0"])
def test_a_gpu_is_found_by_each_form_of_its_bus_id(nvml: SimulatedNvml, bus_id: str) -> None:
    handle = pynvml.nvmlDeviceGetHandleByPciBusId(bus_id)

    assert pynvml.nvmlDeviceGetUUID(handle) == nvml.uuid(3)


@pytest.mark.parametrize("bus_id", ["", "61", "61:00", "xyz", "0:61:0.0.0", "0000:61:00.0 "])
def test_what_is_no_bus_id_is_refused(nvml: SimulatedNvml, bus_id: str) -> None:
    with pytest.raises(pynvml.NVMLError_InvalidArgument):
        pynvml.nvmlDeviceGetHandleByPciBusId(bus_id)


def test_a_gpu_is_found_by_its_uuid_and_an_unknown_one_is_not(nvml: SimulatedNvml) -> None:
    assert pynvml.nvmlDeviceGetIndex(pynvml.nvmlDeviceGetHandleByUUID(nvml.uuid(5))) == 5
    with pytest.raises(pynvml.NVMLError_NotFound):
        pynvml.nvmlDeviceGetHandleByUUID("GPU-none")
    with pytest.raises(pynvml.NVMLError_NotFound):
        pynvml.nvmlDeviceGetHandleByPciBusId("0000:01:00.0")


def test_a_value_set_is_the_next_value_read(nvml: SimulatedNvml) -> None:
    nvml.set(3, temperature=90, power=650_000, power_limit=600_000, utilization=97)
    nvml.set(3, memory_utilization=41, clock_sm=1410, performance_state=2)

    handle = gpu(3)
    rates = pynvml.nvmlDeviceGetUtilizationRates(handle)

    assert temperature(3) == pynvml.nvmlDeviceGetTemperatureV(handle, 0) == 90
    assert pynvml.nvmlDeviceGetPowerUsage(handle) == 650_000
    assert pynvml.nvmlDeviceGetEnforcedPowerLimit(handle) == 600_000
    assert pynvml.nvmlDeviceGetPowerManagementLimit(handle) == 600_000
    assert (rates.gpu, rates.memory) == (97, 41)
    assert pynvml.nvmlDeviceGetClockInfo(handle, pynvml.NVML_CLOCK_SM) == 1410
    assert pynvml.nvmlDeviceGetMaxClockInfo(handle, pynvml.NVML_CLOCK_MEM) == 2619
    assert pynvml.nvmlDeviceGetPerformanceState(handle) == 2
    assert pynvml.nvmlDeviceGetPersistenceMode(handle) == 1
    assert pynvml.nvmlDeviceGetEccMode(handle) == [1, 1]
    assert temperature(4) == 31


def test_both_forms_of_memory_info_add_up(nvml: SimulatedNvml) -> None:
    nvml.set(0, memory_used=10 << 30)

    new = pynvml.nvmlDeviceGetMemoryInfo(gpu(0), pynvml.nvmlMemory_v2)
    old = pynvml.nvmlDeviceGetMemoryInfo(gpu(0))

    assert new.total == new.used + new.free + new.reserved
    assert new.used == 10 << 30
    assert old.total == old.used + old.free
    assert old.used == new.used + new.reserved


def test_field_values_come_in_one_batch_each_with_its_own_return_code(nvml: SimulatedNvml) -> None:
    nvml.set(2, recovery_action=1, power=300_000, memory_temperature=88, pcie_replay=7)

    before = time.time()
    values = pynvml.nvmlDeviceGetFieldValues(gpu(2), [pynvml.NVML_FI_DEV_MEMORY_TEMP, 9999])
    after = time.time()

    assert field(2, pynvml.NVML_FI_DEV_GET_GPU_RECOVERY_ACTION) == 1
    assert field(2, pynvml.NVML_FI_DEV_POWER_INSTANT) == 300_000
    assert field(2, pynvml.NVML_FI_DEV_PCIE_REPLAY_COUNTER) == 7
    assert values[0].value.uiVal == 88
    assert before - 1 <= values[0].timestamp / 1e6 <= after + 1
    assert values[1].nvmlReturn == pynvml.NVML_ERROR_NOT_SUPPORTED


def test_energy_rises_with_the_power_that_is_drawn(nvml: SimulatedNvml) -> None:
    before = time.monotonic()
    nvml.set(1, power=700_000, energy=5_000_000)

    time.sleep(0.1)
    nvml.set(1, power=0)

    passed = time.monotonic() - before
    energy = pynvml.nvmlDeviceGetTotalEnergyConsumption(gpu(1))
    assert 5_000_000 + 700_000 * 0.09 <= energy <= 5_000_000 + 700_000 * (passed + 0.1)
    assert field(1, pynvml.NVML_FI_DEV_ENERGY) == energy


def test_ecc_errors_count_by_memory_since_the_reset_and_for_ever(nvml: SimulatedNvml) -> None:
    nvml.set(3, ecc_uncorrected=2, sram_uncorrected=1)
    nvml.reset(3)
    nvml.set(3, ecc_uncorrected=1)

    def counter(location: int) -> int:
        return int(pynvml.nvmlDeviceGetMemoryErrorCounter(gpu(3), 1, AGGREGATE, location))

    assert (uncorrected(3), uncorrected(3, AGGREGATE)) == (1, 4)
    assert (counter(DRAM), counter(pynvml.NVML_MEMORY_LOCATION_SRAM)) == (3, 1)
    with pytest.raises(pynvml.NVMLError_NotSupported):
        counter(pynvml.NVML_MEMORY_LOCATION_L1_CACHE)


def test_with_ecc_off_there_are_no_counters(nvml: SimulatedNvml) -> None:
    nvml.set(3, ecc_mode=0)

    with pytest.raises(pynvml.NVMLError_NotSupported):
        uncorrected(3)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"temprature": 90}, "temperature"),
        ({"temperature": -1}, "temperature=-1"),
        ({"temperature": "hot"}, "a number"),
        ({"name": 3}, "text"),
        ({"serial": "x" * 32}, "less than 32 bytes"),
        ({"memory_used": 1 << 40}, "exceed"),
    ],
)
def test_a_value_that_makes_no_sense_is_refused_and_nothing_is_changed(
    nvml: SimulatedNvml, values: dict[str, int | str], message: str
) -> None:
    before = control.read(nvml.control)

    with pytest.raises((ValueError, TypeError), match=message):
        nvml.set(3, **values)

    assert bytes(control.read(nvml.control)) == bytes(before)
