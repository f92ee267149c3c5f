"""GPUs that the driver has and that are kept from us."""

from pathlib import Path

import pytest

from exporters.gpu.access import withheld

SLOT = "0000:1b:00.0"


@pytest.fixture
def dev(tmp_path: Path) -> Path:
    made = tmp_path / "dev"
    made.mkdir()
    (made / "nvidia3").touch()
    return made


def tell(procfs: Path, *, minor: str = "3", excluded: str = "No") -> None:
    folder = procfs / "driver/nvidia/gpus" / SLOT
    folder.mkdir(parents=True)
    text = f"Model: \t\t NVIDIA H100\nDevice Minor: \t {minor}\nGPU Excluded:\t {excluded}\n"
    (folder / "information").write_text(text)


def test_a_gpu_whose_node_opens_is_ours(tmp_path: Path, dev: Path) -> None:
    tell(tmp_path)

    assert withheld(str(tmp_path), SLOT, str(dev)) == ""


def test_an_excluded_gpu_is_not(tmp_path: Path, dev: Path) -> None:
    tell(tmp_path, excluded="Yes")

    assert "exclude" in withheld(str(tmp_path), SLOT, str(dev))


def test_a_gpu_whose_node_is_hidden_is_not(tmp_path: Path, dev: Path) -> None:
    tell(tmp_path, minor="5")

    assert withheld(str(tmp_path), SLOT, str(dev)) == f"{dev}/nvidia5: No such file or directory"


@pytest.mark.parametrize("minor", ["", "x", "-1"])
def test_where_nobody_tells_it_is_not_kept_from_us(tmp_path: Path, dev: Path, minor: str) -> None:
    assert withheld(str(tmp_path), SLOT, str(dev)) == ""
    tell(tmp_path, minor=minor)

    assert withheld(str(tmp_path), SLOT, str(dev)) == ""
