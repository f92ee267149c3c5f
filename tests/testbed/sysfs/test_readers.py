import subprocess
import sys
import threading

from testbed.sysfs import SimulatedSysfs
from testbed.waiting import PATIENCE
from tests.testbed.sysfs.places import CAPTURE, port


def test_a_reader_never_sees_half_of_a_value(sysfs: SimulatedSysfs) -> None:
    seen: set[str] = set()
    done = threading.Event()
    state = port(sysfs) / "state"

    def read() -> None:
        while not done.is_set():
            seen.add(state.read_text())

    reader = threading.Thread(target=read)
    reader.start()
    changes = 0
    while changes < 200 or (len(seen) < 2 and reader.is_alive()):
        sysfs.set_state("mlx5_0", 1, "DOWN")
        sysfs.set_state("mlx5_0", 1, "ACTIVE")
        changes += 1
    done.set()
    reader.join()

    assert seen == {"1: DOWN\n", "4: ACTIVE\n"}


def test_processes_that_change_at_once_lose_no_count(sysfs: SimulatedSysfs) -> None:
    script = (
        "import sys\n"
        "from pathlib import Path\n"
        "from testbed.sysfs import SimulatedSysfs\n"
        "sysfs = SimulatedSysfs.attach(Path(sys.argv[1]))\n"
        "for _ in range(100): sysfs.add('mlx5_0', 1, 'symbol_error', 1)"
    )
    changing = [subprocess.Popen([sys.executable, "-c", script, str(sysfs.root)]) for _ in range(3)]

    codes = [process.wait(timeout=2 * PATIENCE) for process in changing]

    assert codes == [0] * 3
    assert sysfs.counter("mlx5_0", 1, "symbol_error") == 300


def test_a_person_changes_it_from_the_shell(sysfs: SimulatedSysfs) -> None:
    shell = [sys.executable, "-m", "testbed.sysfs", str(sysfs.root)]

    subprocess.run([*shell, "state", "mlx5_0", "1", "DOWN"], check=True)
    wrong = subprocess.run(
        [*shell, "counter", "mlx5_0", "1", "nothing", "1"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip

    assert (port(sysfs) / "state").read_text() == "1: DOWN\n"
    assert wrong.returncode == 1
    assert wrong.stderr == (
        "python -m testbed.sysfs: error: mlx5_0 port 1 has no counter 'nothing'\n"
    )


def test_a_captured_tree_can_be_changed_and_its_source_stays() -> None:
    with SimulatedSysfs.from_capture(CAPTURE) as sysfs:
        assert len(sysfs.devices) == 9
        assert sysfs.counter("mlx5_1", 1, "link_downed") == 255

        sysfs.set_state("mlx5_bond_0", 1, "DOWN")
        sysfs.remove("mlx5_9")

        assert (port(sysfs, "mlx5_bond_0") / "phys_state").read_text() == "3: Disabled\n"
        assert len(sysfs.devices) == 8
    assert (CAPTURE / "mlx5_bond_0/ports/1/phys_state").read_text() == "5: LinkUp"
    assert (CAPTURE / "mlx5_9").is_dir()


def test_nothing_is_left_behind() -> None:
    with SimulatedSysfs() as sysfs:
        root = sysfs.root
        assert root.is_dir()

    assert not root.exists()
