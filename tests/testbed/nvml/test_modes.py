"""Cards, drivers and libraries in trouble."""

import ctypes
import subprocess
import sys

import pynvml
import pytest

from testbed.nvml import SimulatedNvml, modes
from testbed.nvml.layout import Gpu
from tests.testbed.nvml.reading import gpu


def test_nonsense_leaves_the_card_where_it_is(nvml: SimulatedNvml) -> None:
    with nvml.card(3) as card:
        modes.nonsense(card)

    assert nvml.slot(3) == "0000:61:00.0"
    assert pynvml.nvmlDeviceGetTemperature(gpu(3), pynvml.NVML_TEMPERATURE_GPU) != 31
    assert pynvml.nvmlDeviceGetTemperature(gpu(4), pynvml.NVML_TEMPERATURE_GPU) == 31


def test_nonsense_differs_by_seed_and_by_nothing_else(nvml: SimulatedNvml) -> None:
    said = []
    for seed in (1, 1, 2):
        card = Gpu()
        modes.nonsense(card, seed)
        said.append(bytes(card))

    assert said[0] == said[1] != said[2]


def test_unknown_modes_are_those_of_no_header(nvml: SimulatedNvml) -> None:
    with nvml.card(3) as card:
        modes.unknown(card)

    assert pynvml.nvmlDeviceGetComputeMode(gpu(3)) == 1717
    assert pynvml.nvmlDeviceGetMigMode(gpu(3)) == [1717, 0]
    assert pynvml.nvmlDeviceGetTemperature(gpu(3), pynvml.NVML_TEMPERATURE_GPU) == 31


def test_garbled_texts_are_no_utf_8_and_are_cut(nvml: SimulatedNvml) -> None:
    with nvml.card(3) as card:
        modes.garble(card, "GPU-\N{SNOWMAN}".encode()[:-1] * 40)
    raw = ctypes.create_string_buffer(96)
    handle = gpu(3)

    library = ctypes.CDLL(str(nvml.library))
    assert library.nvmlDeviceGetName(handle, raw, 96) == pynvml.NVML_SUCCESS

    assert len(raw.value) == 95
    with pytest.raises(UnicodeDecodeError):
        raw.value.decode()


def test_every_number_and_text_is_a_leaf_once() -> None:
    names = [leaf.name for leaf in modes.leaves()]
    ends = [leaf.offset + leaf.size for leaf in modes.leaves()]

    assert len(names) == len(set(names))
    assert {"uuid", "temperature", "gpm.0", "migs.7.profile", "vgpus.1.expiry"} <= set(names)
    assert max(ends) <= ctypes.sizeof(Gpu)
    assert not any(name.startswith(("rules", "pci_domain", "lost")) for name in names)


def test_a_text_may_hold_what_is_no_utf_8(nvml: SimulatedNvml) -> None:
    nvml.set(3, name="H\udcff100")

    assert nvml.get(3, "name") == "H\udcff100"


def test_a_library_that_is_hidden_is_not_found_until_it_is_shown(nvml: SimulatedNvml) -> None:
    script = "import pynvml; pynvml.nvmlInit(); print(pynvml.nvmlDeviceGetCount())"

    def program() -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-c", script],
            env=nvml.environment,
            capture_output=True,
            text=True,
            check=False,
        )

    nvml.hide_library()
    assert "LibraryNotFound" in program().stderr
    assert pynvml.nvmlDeviceGetCount() == 8

    nvml.show_library()
    assert program().stdout == "8\n"


def test_all_of_them_from_a_shell(nvml: SimulatedNvml) -> None:
    def shell(*command: str) -> str:
        argv = [sys.executable, "-m", "testbed.nvml", str(nvml.control), *command]
        return subprocess.run(argv, capture_output=True, text=True, check=True).stdout

    shell("unknown", "3")
    shell("garble", "3")
    shell("hide-library")
    said = shell("show", "3")

    assert "compute_mode=1717\n" in said
    assert "name='\\udcff" in said
    assert not nvml.library.exists()
    shell("show-library")
    assert nvml.library.exists()
