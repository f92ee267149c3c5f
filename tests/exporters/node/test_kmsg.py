"""The kernel log's records, from a file, a FIFO and the device."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exporters.errors import Absent, Unreadable
from exporters.node.kmsg import Kmsg, Record, parse
from tests.budget import examples

DEVICE = Path("/dev/kmsg")


def messages(log: Kmsg, limit: int = 1000) -> list[str]:
    return [record.message for record in log.records(limit)]


def test_a_record() -> None:
    record = parse(b"3,1234,90500000,-;NVRM: loaded; version 580")

    assert record == Record(
        sequence=1234, uptime=90.5, facility=0, message="NVRM: loaded; version 580"
    )
    assert record.of_kernel


def test_a_record_with_further_fields() -> None:
    record = parse(b"6,7,8,c,caller=T1,new=1;text")

    assert record is not None
    assert (record.sequence, record.message) == (7, "text")


def test_what_a_program_wrote_is_not_of_the_kernel() -> None:
    record = parse(b"12,7,8,-;NVRM: Xid (PCI:0000:05:00): 79, forged")

    assert record is not None
    assert not record.of_kernel


@pytest.mark.parametrize(
    "line",
    [
        b"", b" SUBSYSTEM=pci", b"no record", b";", b"3,4,5;text", b"a,4,5,-;text",
        b"3,-4,5,-;text", b"3,4,,-;text", b"3," + b"9" * 5000 + b",5,-;text", b"\xff\xfe,\x00;",
    ],
)  # fmt: skip
def test_what_is_no_record(line: bytes) -> None:
    assert parse(line) is None


@settings(max_examples=examples(200), deadline=None)
@given(st.binary(max_size=60) | st.from_regex(rb"\d{1,30},\d{1,30},\d{1,30},[a-z-]?;.*"))
def test_nothing_breaks_the_parser(line: bytes) -> None:
    record = parse(line)

    assert record is None or (record.sequence >= 0 and record.uptime >= 0)


def test_a_file_is_read_to_its_end_and_then_what_is_added(tmp_path: Path) -> None:
    path = tmp_path / "kmsg"
    path.write_bytes(b"6,0,1,-;one\n SUBSYSTEM=pci\n DEVICE=+pci:0000:05:00.0\n6,1,2,-;two\n6,2,3")
    log = Kmsg(str(path))

    assert messages(log) == ["one", "two"]
    assert log.at_end
    with path.open("ab") as end:
        end.write(b",-;three\n")
    assert messages(log) == ["three"]
    assert messages(log) == []


def test_one_look_has_a_limit_and_the_next_goes_on(tmp_path: Path) -> None:
    path = tmp_path / "kmsg"
    path.write_bytes(b"".join(b"6,%d,1,-;%s\n" % (i, b"x" * 1000) for i in range(100)))
    log = Kmsg(str(path))

    first = [record.sequence for record in log.records(40)]

    assert 40 <= len(first) < 100
    assert not log.at_end
    assert [r.sequence for r in log.records(1000)] == list(range(len(first), 100))
    assert log.at_end


def test_a_file_put_in_its_place_is_read_from_its_beginning(tmp_path: Path) -> None:
    path, other = tmp_path / "kmsg", tmp_path / "new"
    path.write_bytes(b"6,0,1,-;one\n")
    log = Kmsg(str(path))
    assert messages(log) == ["one"]

    other.write_bytes(b"6,0,1,-;other\n")
    other.replace(path)

    assert messages(log) == ["other"]


def test_a_file_that_was_cut_is_read_from_its_beginning(tmp_path: Path) -> None:
    path = tmp_path / "kmsg"
    path.write_bytes(b"6,0,1,-;one\n6,1,1,-;two\n")
    log = Kmsg(str(path))
    assert messages(log) == ["one", "two"]

    path.write_bytes(b"6,0,1,-;cut\n")

    assert messages(log) == ["cut"]


def test_a_fifo_without_a_writer_keeps_nobody_waiting(tmp_path: Path) -> None:
    path = tmp_path / "kmsg"
    os.mkfifo(path)
    log = Kmsg(str(path))
    assert messages(log) == []
    assert log.at_end

    writer = os.open(path, os.O_WRONLY)
    os.write(writer, b"6,0,1,-;one\n6,1,")
    assert messages(log) == ["one"]
    os.write(writer, b"2,-;two\n")
    os.close(writer)

    assert messages(log) == ["two"]
    assert messages(log) == []


def test_a_line_without_an_end_is_dropped_and_what_follows_read(tmp_path: Path) -> None:
    path = tmp_path / "kmsg"
    path.write_bytes(b"6,0,1,-;" + b"x" * 1_000_000 + b"\n6,1,2,-;two\n")
    log = Kmsg(str(path))

    assert messages(log)[-1] == "two"
    assert len(messages(log)) == 0


def test_records_overwritten_meanwhile_are_skipped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "kmsg"
    path.write_bytes(b"6,9,1,-;nine\n")
    overwritten: list[Callable[[], bytes]] = [_broken]
    read = os.read

    def device(descriptor: int, size: int) -> bytes:
        return overwritten.pop()() if overwritten else read(descriptor, size)

    monkeypatch.setattr(os, "read", device)

    assert messages(Kmsg(str(path))) == ["nine"]


def _broken() -> bytes:
    raise BrokenPipeError


def test_no_file_is_absent_and_one_that_cannot_be_read_unreadable(tmp_path: Path) -> None:
    with pytest.raises(Absent, match="nowhere"):
        messages(Kmsg(str(tmp_path / "nowhere")))
    with pytest.raises(Unreadable, match="Is a directory"):
        messages(Kmsg(str(tmp_path)))


def test_it_comes_back_when_the_file_does(tmp_path: Path) -> None:
    path = tmp_path / "kmsg"
    log = Kmsg(str(path))
    with pytest.raises(Absent):
        messages(log)

    path.write_bytes(b"6,0,1,-;one\n")
    assert messages(log) == ["one"]
    path.unlink()
    with pytest.raises(Absent):
        messages(log)
    path.write_bytes(b"6,0,1,-;again\n")

    assert messages(log) == ["again"]


@pytest.mark.skipif(not os.access(DEVICE, os.R_OK), reason="needs a readable /dev/kmsg")
def test_the_device_itself() -> None:
    log = Kmsg(str(DEVICE))

    found = list(log.records(1_000_000))

    sequences = [record.sequence for record in found]
    assert found
    assert log.at_end
    assert sequences == sorted(set(sequences))
    assert all(record.message for record in found[:10])
