"""PCI addresses as people write them in the files that an owner gives."""

from pathlib import Path

import pytest

from exporters.expected import annotated, declared
from exporters.machine import Machine
from exporters.plain_yaml import load
from exporters.topology.roles import read_declared

SLOTS = ("0000:07:00.0", "0000:0f:00.0", "0000:47:00.0", "0000:e7:00.0")
"""Half of a DGX A100's; to YAML the first and third are numbers to the base of 60."""


def test_slots_need_no_quotes(tmp_path: Path) -> None:
    path = tmp_path / "inventory.yaml"
    path.write_text(f"nodes: [{{hostname: a, gpus: [{', '.join(SLOTS)}]}}]")

    found = declared(str(path), "a", Machine())

    assert found is not None
    assert found.gpus is not None
    assert (found.gpus.names, found.gpus.count) == (SLOTS, 4)


def test_a_role_needs_none_either(tmp_path: Path) -> None:
    path = tmp_path / "roles.yaml"
    path.write_text("roles:\n  0000:47:00.0: storage\n")

    assert read_declared(str(path)).roles == (("0000:47:00.0", "storage"),)


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("00000000:1B:00.0", "0000:1b:00.0"),  # nvidia-smi
        ("0000:1B:00.0", "0000:1b:00.0"),
        ("0009:01:00.0", "0009:01:00.0"),
        ("00010000:E1:00.0", "10000:e1:00.0"),  # the kernel writes no more digits than there are
    ],
)
def test_a_slot_may_be_written_as_nvidias_tools_do(said: str, meant: str) -> None:
    found = annotated(f'{{"gpus": ["{said}"]}}').gpus

    assert found is not None
    assert found.names == (meant,)


def test_one_slot_written_twice_is_one_gpu() -> None:
    found = annotated('{"gpus": ["00000000:1B:00.0", "0000:1b:00.0"]}').gpus

    assert found is not None
    assert found.count == 1


def test_what_is_no_yaml_is_said_in_one_line() -> None:
    with pytest.raises(ValueError, match=r"^while parsing .*[^\n]*$"):
        load("a: [\n\n")


def test_numbers_lists_and_words_are_what_they_were() -> None:
    assert load("{a: 8, b: true, c: null, d: [x, 1]}") == {
        "a": 8,
        "b": True,
        "c": None,
        "d": ["x", 1],
    }
