"""The files of a batch system."""

from pathlib import Path

import pytest

from exporters.allocation import jobs
from exporters.facility import Outcome, State
from exporters.runtime import run


def read(directory: Path) -> Outcome:
    return run(jobs.FACILITY, (directory,))


def told(directory: Path) -> list[tuple[int, int | None, str]]:
    return list(jobs.jobs_of(read(directory).notes))


def test_a_file_a_gpu_and_a_job_a_line(tmp_path: Path) -> None:
    (tmp_path / "0").write_text("1234\n1235\n")
    (tmp_path / "1").write_text("  99  \n\n99\n")
    (tmp_path / "2").write_text("")
    (tmp_path / "3.7").write_text("on-an-instance")

    assert told(tmp_path) == [
        (0, None, "1234"),
        (0, None, "1235"),
        (1, None, "99"),
        (3, 7, "on-an-instance"),
    ]


def test_what_is_no_mapping_is_passed_over(tmp_path: Path) -> None:
    (tmp_path / "0").mkdir()
    for name in ("README", "1.txt", "-1", "1.2.3", ".1", "99999"):
        (tmp_path / name).write_text("job")

    assert told(tmp_path) == []


def test_a_node_between_two_jobs_is_well(tmp_path: Path) -> None:
    assert read(tmp_path).state is State.OK


def test_no_directory_is_absent(tmp_path: Path) -> None:
    assert read(tmp_path / "nowhere").state is State.ABSENT


def test_one_unreadable_file_costs_its_own_jobs_only(tmp_path: Path) -> None:
    (tmp_path / "0").symlink_to("0")
    (tmp_path / "1").write_text("job")

    outcome = read(tmp_path)

    assert outcome.state is State.FAILED
    assert str(tmp_path / "0") in outcome.problem
    assert list(jobs.jobs_of(outcome.notes)) == [(1, None, "job")]


@pytest.mark.parametrize("text", ["x" * 10_000, "\x1b[31mred", "\0", '"}\\\n'])
def test_hostile_ids_are_short_and_printable(tmp_path: Path, text: str) -> None:
    (tmp_path / "0").write_text(text)

    for _, _, job in told(tmp_path):
        assert len(job) <= 253
        assert job.isprintable()


def test_a_gpu_has_only_so_many_jobs(tmp_path: Path) -> None:
    (tmp_path / "0").write_text("\n".join(str(n) for n in range(1000)))

    assert len(told(tmp_path)) == jobs.MOST_JOBS
