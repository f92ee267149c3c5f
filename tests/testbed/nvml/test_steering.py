import select
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pynvml
import pytest

from testbed.nvml import SimulatedNvml, control
from testbed.waiting import PATIENCE
from tests.testbed.nvml.reading import Reader, heard, listener, temperature

CHANGES = 2000
"""How often a GPU is changed at least, while others read it."""


def test_another_process_steers_by_the_control_file(nvml: SimulatedNvml) -> None:
    attached = SimulatedNvml.attach(nvml.control)

    attached.set(3, temperature=77)

    assert temperature(3) == 77
    assert attached.uuid(3) == nvml.uuid(3)


def test_a_card_replaced_from_elsewhere_is_of_the_same_model() -> None:
    with SimulatedNvml(gpus=1, seed="node-9", profile="H200") as nvml:
        old = nvml.uuid(0)

        SimulatedNvml.attach(nvml.control).replace(0)

        assert nvml.get(0, "name") == "NVIDIA H200"
        assert nvml.uuid(0) != old


def test_a_person_steers_from_the_shell(nvml: SimulatedNvml) -> None:
    events = listener(3)
    shell = [sys.executable, "-m", "testbed.nvml", str(nvml.control)]

    subprocess.run([*shell, "set", "3", "temperature=88", "power=1000"], check=True)
    subprocess.run([*shell, "xid", "3", "95"], check=True)
    shown = subprocess.run([*shell, "show", "3"], check=True, capture_output=True, text=True)

    assert (temperature(3), heard(events)) == (88, [95])
    assert "temperature=88\n" in shown.stdout


@pytest.mark.parametrize(
    "wrong", [["set", "9", "power=1"], ["set", "1", "x=1"], ["hang", "1", "x"]]
)
def test_a_wrong_command_ends_in_one_line(nvml: SimulatedNvml, wrong: list[str]) -> None:
    argv = [sys.executable, "-m", "testbed.nvml", str(nvml.control), *wrong]

    done = subprocess.run(argv, capture_output=True, text=True, check=False)

    assert done.returncode == 1
    assert done.stderr.startswith("python -m testbed.nvml: error: ")
    assert done.stderr.count("\n") == 1


def test_what_is_no_control_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "control").write_text("RWNVML1 but short")

    with pytest.raises(control.ControlError, match="not the control file"):
        SimulatedNvml.attach(tmp_path / "control")


def test_processes_that_steer_at_once_lose_none_of_their_changes(nvml: SimulatedNvml) -> None:
    script = (
        "import sys\n"
        "from pathlib import Path\n"
        "from testbed.nvml import SimulatedNvml\n"
        "nvml = SimulatedNvml.attach(Path(sys.argv[1]))\n"
        "for _ in range(50): nvml.xid(int(sys.argv[2]), 31)"
    )
    argv = [sys.executable, "-c", script, str(nvml.control)]
    steering = [subprocess.Popen([*argv, str(index)]) for index in range(4)]

    codes = [process.wait(timeout=2 * PATIENCE) for process in steering]

    assert codes == [0] * 4
    assert control.read(nvml.control).node.sequence == 200


def test_readers_never_see_half_of_a_change(
    nvml: SimulatedNvml, reader: Callable[[str], Reader]
) -> None:
    """Each version ties memory, temperature and power together; the readers check the ties."""
    check = (
        "import threading\n"
        "gpu = pynvml.nvmlDeviceGetHandleByIndex(3)\n"
        "torn = seen = enough = 0\n"
        "last = set()\n"
        "print('ready', flush=True)\n"
        "stop = threading.Event()\n"
        "threading.Thread(target=lambda: (sys.stdin.readline(), stop.set()), daemon=True).start()\n"
        "while not stop.is_set():\n"
        "    memory = pynvml.nvmlDeviceGetMemoryInfo(gpu, pynvml.nvmlMemory_v2)\n"
        "    fields = pynvml.nvmlDeviceGetFieldValues(gpu, [82, 186, 94])\n"
        "    hot, power, replay = (field.value.uiVal for field in fields)\n"
        "    torn += memory.used + memory.free + memory.reserved != memory.total\n"
        "    torn += memory.used != memory.reserved\n"
        "    torn += not hot == power == replay\n"
        "    last.add(hot)\n"
        "    seen += 1\n"
        "    if seen > 100 and len(last) > 20 and not enough:\n"
        "        enough = print('enough', flush=True) is None\n"
        "print(torn)"
    )
    nvml.set(3, memory_used=0, memory_reserved=0, memory_temperature=0, power=0, pcie_replay=0)
    programs = [reader(check) for _ in range(3)]
    assert [program.line() for program in programs] == ["ready"] * 3

    silent = {program.pipe for program in programs}
    number = 0
    while silent or number < CHANGES:
        silent.difference_update(select.select(silent, [], [], 0)[0])
        number = (number + 1) % 30_000
        size = number << 20
        nvml.set(
            3, memory_used=size, memory_reserved=size, memory_temperature=number,
            power=number, pcie_replay=number,
        )  # fmt: skip

    assert [program.line() for program in programs] == ["enough"] * 3
    results = []
    for program in programs:
        assert program.process.stdin is not None
        program.process.stdin.write("\n")
        program.process.stdin.flush()
        results.append(program.output())
    assert results == ["0"] * 3


def test_threads_of_one_program_may_call_at_once(nvml: SimulatedNvml) -> None:
    events = [listener(index) for index in range(8)]
    got: dict[int, list[int]] = {}

    def wait(index: int) -> None:
        got[index] = [int(pynvml.nvmlEventSetWait(events[index], 60_000).eventData)]
        got[index] += [temperature(index) for _ in range(100)]

    threads = [threading.Thread(target=wait, args=(index,)) for index in range(8)]
    for thread in threads:
        thread.start()
    for index in range(8):
        nvml.set(index, temperature=40 + index)
        nvml.xid(index, index + 1)
    for thread in threads:
        thread.join(timeout=2 * PATIENCE)

    assert got == {index: [index + 1] + [40 + index] * 100 for index in range(8)}


def test_nothing_is_left_behind() -> None:
    with SimulatedNvml() as simulated:
        directory = simulated.control.parent
        assert directory.is_dir()

    assert not directory.exists()
