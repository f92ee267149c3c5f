"""What outlives the program."""

import json
from pathlib import Path

import pytest

from exporters.gpu import remembered
from exporters.gpu.remembered import Remembered
from exporters.keeping import Keeping
from exporters.machine import Machine
from testbed.waiting import PATIENCE, wait_until

MACHINE = Machine(serial="SIM1")
GPUS = {"gpus": [1, 2]}


def kept(directory: Path, machine: Machine = MACHINE) -> object:
    return Keeping(str(directory), machine).section("gpu")


def keep(directory: Path) -> Path:
    made = Keeping(str(directory), MACHINE)
    made.keep("gpu", GPUS)
    assert made.flush(PATIENCE)
    return directory / "exporter.json"


def test_what_is_kept_is_there_for_the_next_program(tmp_path: Path) -> None:
    keep(tmp_path / "made/anew")

    assert kept(tmp_path / "made/anew") == GPUS


def test_sections_stand_beside_each_other(tmp_path: Path) -> None:
    keep(tmp_path)
    made = Keeping(str(tmp_path), MACHINE)
    made.keep("other", {"a": 1})
    assert made.flush(PATIENCE)

    assert kept(tmp_path) == GPUS


def test_another_machines_file_is_said_and_left_aside(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    keep(tmp_path)

    assert kept(tmp_path, Machine(serial="SIM2")) is None
    assert "left aside" in caplog.text


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"[]",
        b"\xff\xfe",
        b"null",
        b'{"form":1}',
        b'{"form":9,"machine":"SIM1"}',
        b"[" * 9999,
    ],
)
def test_a_damaged_file_is_said_left_aside_and_written_anew(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, content: bytes
) -> None:
    file = keep(tmp_path)
    file.write_bytes(content)

    assert kept(tmp_path) is None
    assert "left aside" in caplog.text
    keep(tmp_path)
    assert kept(tmp_path) == GPUS


def test_a_file_is_whole_or_the_one_before(tmp_path: Path) -> None:
    file = keep(tmp_path)
    (tmp_path / "exporter.new").write_text("half of")

    assert json.loads(file.read_text())["sections"] == {"gpu": GPUS}
    assert kept(tmp_path) == GPUS


def test_a_directory_that_cannot_be_written_costs_only_the_memory(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").touch()
    made = Keeping(str(tmp_path / "file"), MACHINE)

    made.keep("gpu", GPUS)

    wait_until(lambda: "cannot keep state" in caplog.text)
    assert not made.flush(0.1)
    assert caplog.text.count("cannot keep state") == 1
    assert made.section("gpu") == GPUS


def test_without_a_directory_or_a_serial_nothing_is_kept(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    nowhere, nobody = Keeping("", MACHINE), Keeping(str(tmp_path), Machine())
    for made in (nowhere, nobody):
        made.keep("gpu", GPUS)
        assert not made.flush(0)

    assert list(tmp_path.iterdir()) == []
    assert "no serial number" in caplog.text


def test_remembered_gpus_survive_the_way_there_and_back() -> None:
    one = Remembered(slot="0000:1b:00.0", index=3, uuid="GPU-1", answered=1.5, learned=True)

    told = json.loads(json.dumps(remembered.section({one.slot: one})))

    assert remembered.read(told) == (one,)
    assert remembered.read(None) == ()


def test_what_an_older_or_newer_program_remembered_is_taken_as_far_as_it_goes() -> None:
    older, newer = {"slot": "a", "learned": True}, {**WHOLE, "slot": "b", "more": 1}

    assert remembered.read({"gpus": [older, newer]}) == (
        Remembered(slot="a", learned=True),
        Remembered(slot="b"),
    )


WHOLE = remembered.section({"a": Remembered(slot="a")})["gpus"][0]


@pytest.mark.parametrize(
    "section",
    [
        [],
        {},
        {"gpus": {}},
        {"gpus": [None]},
        {"gpus": [{"uuid": "GPU-1"}]},
        {"gpus": [{**WHOLE, "slot": ""}]},
        {"gpus": [{**WHOLE, "uuid": None}]},
        {"gpus": [{**WHOLE, "index": "3"}]},
        {"gpus": [{**WHOLE, "answered": "yesterday"}]},
        {"gpus": [{**WHOLE, "learned": 1}]},
    ],
)
def test_a_section_of_another_form_is_refused(section: object) -> None:
    with pytest.raises(ValueError, match=r"expected|wrong kind|without a slot"):
        remembered.read(section)
