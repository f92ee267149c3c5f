"""Whom the inventory file means, and what is left to the annotation."""

import os
from pathlib import Path

import pytest

from exporters.declaration import Declaration, declaration
from exporters.expected import ANNOTATION, FILE, Devices, Expected
from exporters.machine import Machine
from exporters.settings import Settings


@pytest.fixture
def inventory(tmp_path: Path) -> str:
    path = tmp_path / "inventory.yaml"
    path.write_text(
        "nodes:\n"
        "- {hostname: gpu-a1.example.com, gpus: 8}\n"
        f"- {{hostname: {os.uname().nodename}, gpus: 2}}\n"
    )
    return str(path)


@pytest.mark.parametrize(("name", "gpus"), [("gpu-a1.example.com", 8), ("", 2)])
def test_it_goes_by_the_clusters_name_and_without_one_by_its_own(
    monkeypatch: pytest.MonkeyPatch, inventory: str, name: str, gpus: int
) -> None:
    monkeypatch.setenv("NODE_NAME", name)

    found = declaration(Settings(inventory_file=inventory), Machine()).gpus()

    assert found is not None
    assert found.gpus is not None
    assert found.gpus.count == gpus


def test_what_the_file_is_silent_of_the_annotation_may_say() -> None:
    of_file = Expected(source=FILE, rdma_ports=Devices(count=8))
    annotated = Expected(source=ANNOTATION, gpus=Devices(count=4), rdma_ports=Devices(count=2))

    both = Declaration(of_file, lambda: annotated)
    neither = Declaration(None)

    assert (both.gpus(), both.rdma_ports()) == (annotated, of_file)
    assert (neither.gpus(), neither.rdma_ports()) == (None, None)
    assert Declaration(of_file).gpus() is None
