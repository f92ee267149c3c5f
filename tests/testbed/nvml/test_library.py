import subprocess
import sys
import sysconfig
import threading
from collections.abc import Callable
from pathlib import Path

import pynvml
import pytest

from testbed.nvml import SimulatedNvml, library
from tests.testbed.nvml.reading import Reader, gpu


def test_a_program_that_looks_for_nvml_by_name_finds_the_simulated_one(
    nvml: SimulatedNvml, reader: Callable[[str], Reader]
) -> None:
    program = reader("print(pynvml.nvmlDeviceGetCount(), pynvml.nvmlSystemGetDriverVersion())")

    assert program.output() == "8 580.95.05"


def test_a_library_loaded_by_path_is_the_one_that_pynvml_then_finds_by_name(
    nvml: SimulatedNvml,
) -> None:
    script = (
        "import ctypes, sys, pynvml\n"
        "ctypes.CDLL(sys.argv[1])\n"
        "pynvml.nvmlInit()\n"
        "print(pynvml.nvmlDeviceGetCount())"
    )
    only_control = {k: v for k, v in nvml.environment.items() if k != "LD_LIBRARY_PATH"}

    done = subprocess.run(
        [sys.executable, "-c", script, str(nvml.library)],
        env=only_control,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.stdout.strip() == "8"


def test_without_a_simulated_node_the_driver_is_not_loaded(nvml: SimulatedNvml) -> None:
    nvml.close()

    with pytest.raises(pynvml.NVMLError_DriverNotLoaded):
        pynvml.nvmlDeviceGetCount()


def test_a_control_file_of_another_layout_is_a_version_mismatch(
    nvml: SimulatedNvml, tmp_path: Path
) -> None:
    content = nvml.control.read_bytes()
    nvml.control.write_bytes(content[:8] + b"\0" + content[9:])

    with pytest.raises(pynvml.NVMLError_LibRmVersionMismatch):
        pynvml.nvmlDeviceGetCount()


def test_a_function_that_the_library_lacks_is_not_found_as_in_an_old_driver(
    nvml: SimulatedNvml,
) -> None:
    with pytest.raises(pynvml.NVMLError_FunctionNotFound):
        pynvml.nvmlDeviceGetPcieThroughput(gpu(0), 0)


@pytest.mark.parametrize(("missing", "remedy"), [("gcc", "apt install gcc"), ("nvml.h", "pip")])
def test_what_the_build_lacks_is_named_with_its_remedy(
    missing: str, remedy: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(library, "_CACHE", tmp_path)
    if missing == "gcc":
        monkeypatch.setenv("PATH", str(tmp_path))
    else:
        monkeypatch.setattr(sysconfig, "get_path", lambda _: str(tmp_path))

    with pytest.raises(library.LibraryError, match=missing) as error:
        library.build.__wrapped__()

    assert remedy in str(error.value)


def test_two_builders_at_once_get_one_library(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(library, "_CACHE", tmp_path)
    made: list[Path] = []
    builders = [
        threading.Thread(target=lambda: made.append(library.build.__wrapped__())) for _ in range(2)
    ]

    for builder in builders:
        builder.start()
    for builder in builders:
        builder.join()

    assert made[0] == made[1]
    assert [path.name for path in made[0].parent.iterdir()] == [library.NAME]
