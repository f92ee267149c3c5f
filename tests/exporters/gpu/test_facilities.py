"""The GPU facilities against the simulated library, in this process."""

from pathlib import Path

import pynvml
import pytest

from exporters.errors import NoDriver, Unreadable
from exporters.facility import End, Facility, Outcome, State
from exporters.gpu import ecc, identity, memory, power, state, thermal, utilization, xid
from exporters.gpu.inventory import Entry, InventorySession, listing
from exporters.gpu.nvml import Gpu, Nvml
from exporters.gpu.worker import attach
from exporters.runtime import run
from exporters.settings import Settings
from testbed.nvml import SimulatedNvml
from tests.exporters.gpu.readings import values
from tests.exporters.samples import cycle

UNKNOWN_ERROR = 999
NOT_AVAILABLE = 2**32 - 1


def test_memory_in_bytes(node: SimulatedNvml, gpu: Gpu) -> None:
    node.set(0, memory_total=80 << 30, memory_reserved=1 << 30, memory_used=7 << 30)

    assert values(memory.FACILITY, gpu) == {
        "memory_capacity_bytes": 80 << 30,
        "memory_used_bytes": 7 << 30,
        "memory_free_bytes": 72 << 30,
        "memory_reserved_bytes": 1 << 30,
    }


def test_memory_of_a_driver_that_does_not_tell_what_is_reserved(
    node: SimulatedNvml, gpu: Gpu
) -> None:
    node.fail(0, call="nvmlDeviceGetMemoryInfo_v2", error=pynvml.NVML_ERROR_FUNCTION_NOT_FOUND)

    assert "memory_reserved_bytes" not in values(memory.FACILITY, gpu)
    assert "memory_used_bytes" in values(memory.FACILITY, gpu)


def test_utilization_as_ratios(node: SimulatedNvml, gpu: Gpu) -> None:
    node.set(0, utilization=75, memory_utilization=100)

    assert values(utilization.FACILITY, gpu) == {
        "utilization_ratio": 0.75,
        "memory_copy_utilization_ratio": 1,
    }


def test_temperature_in_degrees(node: SimulatedNvml, gpu: Gpu) -> None:
    node.set(0, temperature=64)

    assert values(thermal.FACILITY, gpu) == {"temperature_celsius": 64}


def test_power_in_watts_and_joules(node: SimulatedNvml, gpu: Gpu) -> None:
    node.set(0, power=350_500, power_limit=700_000)

    found = values(power.FACILITY, gpu)

    assert found["power_watts"] == 350.5
    assert found["power_limit_watts"] == 700
    assert found["energy_joules_total"] >= 0


def test_errors_by_kind(node: SimulatedNvml, gpu: Gpu) -> None:
    node.set(0, ecc_corrected=3, ecc_uncorrected=1)

    assert values(ecc.FACILITY, gpu) == {
        "ecc_errors_total corrected": 3,
        "ecc_errors_total uncorrected": 1,
    }


def test_identity_without_what_the_card_lacks(node: SimulatedNvml, gpu: Gpu) -> None:
    node.fail(0, call="nvmlDeviceGetSerial", error=pynvml.NVML_ERROR_NOT_SUPPORTED)

    (info,) = run(identity.FACILITY, [gpu]).samples

    told = dict(zip(info.metric.labels, info.labels, strict=True))
    assert told["uuid"] == node.uuid(0)
    assert told["serial"] == ""
    assert told["pci_bus_id"] == "0000:1b:00.0"
    assert told["name"]


def test_xids_are_heard_once(node: SimulatedNvml, gpu: Gpu) -> None:
    assert notes(xid.FACILITY, gpu) == [("xid_watched", True)]

    node.xid(0, 79)
    node.xid(1, 31)
    node.xid(0, 48)

    heard = notes(xid.FACILITY, gpu)[1:]
    assert [note for note in heard if note[0] == "xid"] == [("xid", 79), ("xid", 48)]
    assert notes(xid.FACILITY, gpu)[1:] == []


def test_the_boot_is_noted(gpu: Gpu) -> None:
    told = dict(notes(state.FACILITY, gpu))

    assert float(str(told["boot_time"])) > 0
    assert len(str(told["boot_id"])) == 36


def notes(facility: Facility[Gpu], gpu: Gpu) -> list[tuple[str, object]]:
    return [(note.name, note.value) for note in run(facility, [gpu]).notes]


@pytest.mark.parametrize(
    ("facility", "call"),
    [
        (memory.FACILITY, "nvmlDeviceGetMemoryInfo*"),
        (utilization.FACILITY, "nvmlDeviceGetUtilizationRates"),
        (thermal.FACILITY, "nvmlDeviceGetTemperature*"),
        (ecc.FACILITY, "nvmlDeviceGetTotalEccErrors"),
        (xid.FACILITY, "nvmlDeviceGetSupportedEventTypes"),
    ],
)
class TestEachFacility:
    def test_is_absent_where_the_card_has_none(
        self, facility: Facility[Gpu], call: str, node: SimulatedNvml, gpu: Gpu
    ) -> None:
        node.fail(0, call=call, error=pynvml.NVML_ERROR_NOT_SUPPORTED)

        outcome = run(facility, [gpu])

        assert (outcome.state, outcome.samples, outcome.problem) == (State.ABSENT, (), "")

    def test_fails_by_name_where_it_cannot_be_read(
        self, facility: Facility[Gpu], call: str, node: SimulatedNvml, gpu: Gpu
    ) -> None:
        node.fail(0, call=call, error=UNKNOWN_ERROR)

        outcome = run(facility, [gpu])

        assert (outcome.state, outcome.samples, outcome.device) == (State.FAILED, (), End.OK)
        assert call.strip("*") in outcome.problem
        assert "Unknown Error" in outcome.problem

    def test_tells_that_the_gpu_is_lost(
        self, facility: Facility[Gpu], call: str, node: SimulatedNvml, gpu: Gpu
    ) -> None:
        node.fail(0, call=call, error=pynvml.NVML_ERROR_GPU_IS_LOST)

        assert run(facility, [gpu]).device is End.LOST

    def test_tells_that_a_reset_is_required(
        self, facility: Facility[Gpu], call: str, node: SimulatedNvml, gpu: Gpu
    ) -> None:
        node.fail(0, call=call, error=pynvml.NVML_ERROR_RESET_REQUIRED)

        assert run(facility, [gpu]).device is End.RESET_REQUIRED


def test_one_reading_that_fails_costs_only_itself(node: SimulatedNvml, gpu: Gpu) -> None:
    node.fail(0, call="nvmlDeviceGetPowerUsage", error=UNKNOWN_ERROR)

    outcome = run(power.FACILITY, [gpu])

    assert outcome.state is State.FAILED
    assert len(outcome.samples) == 2


@pytest.mark.parametrize(
    ("facility", "nonsense"),
    [
        (utilization.FACILITY, {"utilization": 101}),
        (thermal.FACILITY, {"temperature": 4_294_967_286}),
    ],
)
def test_nonsense_is_failure_not_a_value(
    facility: Facility[Gpu], nonsense: dict[str, int], node: SimulatedNvml, gpu: Gpu
) -> None:
    node.set(0, **nonsense)

    outcome = run(facility, [gpu])

    assert (outcome.state, outcome.samples) == (State.FAILED, ())


def test_what_nvml_marks_as_not_available_is_absent(node: SimulatedNvml, gpu: Gpu) -> None:
    node.set(0, power=NOT_AVAILABLE)

    assert "power_watts" not in values(power.FACILITY, gpu)
    assert run(power.FACILITY, [gpu]).state is State.OK


def test_a_lost_gpu_ends_the_cycle_but_its_last_xid_is_heard(node: SimulatedNvml) -> None:
    session = attach(Settings(nvml_library=str(node.library)), {"slot": "0000:1b:00.0"})
    healthy = {o.facility: o.state for o in session.cycle()}
    lacking = {name for name, told in healthy.items() if told is State.ABSENT}
    assert lacking == {
        "retired_pages",
        "fans",
        "vgpu_license",
        "pcie_bytes",
        "c2c",
        "remapped_banks",
    }
    assert set(healthy.values()) == {State.OK, State.ABSENT}

    node.fail(0, call="nvmlDeviceGetTemperature*", error=pynvml.NVML_ERROR_GPU_IS_LOST)
    outcomes: list[Outcome] = []
    for outcome in session.cycle():
        if outcome.facility == "thermal":
            node.xid(0, 79)
        outcomes.append(outcome)

    assert [o.facility for o in outcomes][-2:] == ["thermal", "xid"]
    assert [n.value for n in outcomes[-1].notes if n.name == "xid"] == [79]
    pynvml.nvmlShutdown()


def test_the_inventory_lists_every_slot(library: Nvml) -> None:
    listed = listing(cycle(*InventorySession(library).cycle()))

    assert listed.complete
    assert listed.entries == (
        Entry(index=0, slot="0000:1b:00.0"),
        Entry(index=1, slot="0000:43:00.0"),
    )


def test_an_inventory_that_hangs_leaves_the_rest_by_index(library: Nvml) -> None:
    outcomes = list(InventorySession(library).cycle())[:-1]

    listed = listing(cycle(*outcomes, end=End.HUNG))

    assert not listed.complete
    assert listed.entries == (Entry(index=0, slot="0000:1b:00.0"), Entry(index=1))


def test_a_gpu_that_will_not_name_its_slot_is_listed_by_index(
    node: SimulatedNvml, library: Nvml
) -> None:
    node.fail(1, call="nvmlDeviceGetPciInfo*", error=pynvml.NVML_ERROR_GPU_IS_LOST)

    listed = listing(cycle(*InventorySession(library).cycle()))

    assert not listed.complete
    assert listed.entries[1] == Entry(index=1)


def test_no_library_is_no_driver() -> None:
    with pytest.raises(NoDriver, match=r"--nvml\.library libnvidia-nowhere\.so"):
        Nvml("libnvidia-nowhere.so")


def test_a_file_that_is_no_library_is_unreadable(tmp_path: Path) -> None:
    path = tmp_path / "libnvidia-ml.so.1"
    path.write_text("not ELF")

    with pytest.raises(Unreadable, match=r"invalid ELF header|file too short"):
        Nvml(str(path))


def test_a_library_without_a_driver_is_no_driver(node: SimulatedNvml) -> None:
    node.fail(call="nvmlInit*", error=pynvml.NVML_ERROR_DRIVER_NOT_LOADED)

    with pytest.raises(NoDriver, match="Driver Not Loaded"):
        Nvml(str(node.library))
