"""What processes use, by the cgroup they are in."""

import time
from pathlib import Path

import pynvml
import pytest

from exporters.allocation.cgroups import Membership
from exporters.allocation.use import Use
from exporters.errors import Absent, Unreadable
from exporters.facility import State
from exporters.gpu import users
from exporters.gpu.nvml import Gpu, Nvml
from exporters.runtime import run
from testbed.nvml import SimulatedNvml, state
from testbed.nvml.layout import ABSENT
from testbed.nvml.parts import GRAPHICS, Process
from tests.exporters.gpu.cards import opened, process

GIB = 1 << 30
WEB = Membership(pod="8f1f9f75-8024-5293-9cdc-b996da010db9", container="0123456789abcdef" * 4)
IN_WEB = f"0::/kubepods/pod{WEB.pod}/{WEB.container}\n"
HOST = Membership()


@pytest.fixture
def proc(tmp_path: Path) -> Path:
    """A /proc of four processes: two in a pod, one of the host, one of whom nothing is known."""
    for pid, cgroup in ((11, IN_WEB), (12, IN_WEB), (13, "0::/system.slice/sshd.service\n")):
        (tmp_path / str(pid)).mkdir()
        (tmp_path / str(pid) / "cgroup").write_text(cgroup)
    return tmp_path


@pytest.fixture
def gpu(library: Nvml, proc: Path) -> Gpu:
    return Gpu(library.by_index(0), str(proc))


def uses(gpu: Gpu, name: str) -> dict[str, list[Use]] | None:
    gpu.begin()
    return users.uses_of(run(users.FACILITY, (gpu,)).notes, name)


def busy(pid: int, percent: int) -> Process:
    made = process(pid)
    made.utilization = percent
    return made


def test_memory_is_summed_by_container(node: SimulatedNvml, gpu: Gpu) -> None:
    with node.card(0) as card:
        both = [process(11, 2 * GIB), process(11, 2 * GIB, kind=GRAPHICS)]
        state.set_processes(card, [*both, process(12, GIB), process(13, GIB), process(14, GIB)])

    assert uses(gpu, users.MEMORY) == {
        "": [Use(of=WEB, amount=3 * GIB), Use(of=HOST, amount=GIB)],
    }


def test_nobody_there_is_told_too(gpu: Gpu) -> None:
    assert uses(gpu, users.MEMORY) == {}
    assert uses(gpu, users.UTILIZATION) == {}
    assert run(users.FACILITY, (gpu,)).state is State.OK


def test_a_process_whose_memory_the_driver_does_not_tell(node: SimulatedNvml, gpu: Gpu) -> None:
    with node.card(0) as card:
        state.set_processes(card, [process(11, ABSENT), process(13, GIB)])

    assert uses(gpu, users.MEMORY) == {"": [Use(of=HOST, amount=GIB)]}


def test_utilisation_is_summed_by_container(node: SimulatedNvml, gpu: Gpu) -> None:
    with node.card(0) as card:
        state.set_processes(card, [busy(11, 30), busy(12, 20), busy(13, 5)])

    found = uses(gpu, users.UTILIZATION)

    assert found is not None
    assert {use.of: pytest.approx(use.amount) for use in found[""]} == {WEB: 0.5, HOST: 0.05}


def test_only_samples_that_are_new_count(node: SimulatedNvml, gpu: Gpu) -> None:
    with node.card(0) as card:
        state.set_processes(card, [busy(11, 30)])

    assert gpu.process_utilization(time.time() - 1) == {11: 0.3}
    assert gpu.process_utilization(time.time() + 60) == {}


def test_nonsense_is_no_utilisation(node: SimulatedNvml, gpu: Gpu) -> None:
    with node.card(0) as card:
        state.set_processes(card, [busy(11, 4_000)])

    with pytest.raises(Unreadable, match="4000 percent"):
        gpu.process_utilization(time.time() - 1)


def test_a_gpu_that_does_not_know_is_not_idle(node: SimulatedNvml, gpu: Gpu) -> None:
    node.fail(
        0,
        call="nvmlDeviceGetProcessUtilization",
        error=pynvml.NVML_ERROR_NOT_SUPPORTED,
    )

    with pytest.raises(Absent):
        gpu.process_utilization(time.time() - 1)
    assert uses(gpu, users.UTILIZATION) is None
    assert uses(gpu, users.MEMORY) == {}


def test_the_device_nodes_number_is_told(node: SimulatedNvml, gpu: Gpu) -> None:
    node.set(0, minor=5)

    notes = run(users.FACILITY, (gpu,)).notes

    assert [note.value for note in notes if note.name == users.MINOR] == [5]


def test_a_divided_gpu_is_told_of_by_instance(proc: Path) -> None:
    with opened("H100-MIG") as (node, opened_gpu):
        opened_gpu.procfs = str(proc)
        with node.card(0) as card:
            part = card.migs[1]
            uuid = part.uuid.decode()
            instance = (part.gpu_instance, part.compute_instance)
            state.set_processes(card, [process(11, GIB, instance=instance)])

        assert uses(opened_gpu, users.MEMORY) == {uuid: [Use(of=WEB, amount=GIB)]}
        assert uses(opened_gpu, users.UTILIZATION) is None
