"""hpc/jobs: which batch job uses which GPU, from files that the batch system writes.

As dcgm-exporter reads them: a file named after the GPU's index, or INDEX.GI for a MIG instance,
holds a job id a line; the batch system's prolog writes it, its epilog empties or removes it.
"""

from __future__ import annotations

import contextlib
import json
import re
from typing import TYPE_CHECKING

from exporters.errors import Absent, Unreadable
from exporters.facility import Facility
from exporters.files import entries, read
from exporters.sample import Note

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

JOB = "job"
"""[index, GPU instance or null, job id]."""
FILES = "files"

MOST_FILES = 256
MOST_JOBS = 64
"""Jobs of one GPU that are told."""
_LONGEST = 253
_NAME = re.compile(r"([0-9]{1,4})(?:\.([0-9]{1,4}))?", re.ASCII)


def jobs(directory: Path) -> Iterator[Note]:
    """Note the jobs of each GPU; Unreadable, after all others, where a file could not be read."""
    problem: Unreadable | None = None
    names = [m for name in entries(directory) if (m := _NAME.fullmatch(name))]
    yield Note(FILES, len(names))
    for name in names[:MOST_FILES]:
        try:
            for job in _jobs(directory / name[0]):
                told = [int(name[1]), None if name[2] is None else int(name[2]), job]
                yield Note(JOB, json.dumps(told))
        except Unreadable as error:
            problem = problem or error
    if problem is not None:
        raise problem


def _jobs(path: Path) -> list[str]:
    """Return the ids in a file, none where it is a directory or was removed meanwhile."""
    lines: list[str] = []
    with contextlib.suppress(Absent, IsADirectoryError):
        lines = [] if path.is_dir() else read(path).splitlines()
    ids = dict.fromkeys(_id(line) for line in lines)
    return [one for one in ids if one][:MOST_JOBS]


def _id(line: str) -> str:
    return "".join(c if c.isprintable() else "\ufffd" for c in line.strip()[:_LONGEST])


def jobs_of(notes: Iterable[Note]) -> Iterator[tuple[int, int | None, str]]:
    """Yield index, GPU instance and job id of each job that was noted."""
    for note in notes:
        if note.name == JOB:
            index, instance, job = json.loads(str(note.value))
            yield index, instance, job


FACILITY = Facility(
    family="hpc",
    name="jobs",
    reads="which batch job uses which GPU, from --hpc-job-mapping-dir",
    readings=(jobs,),
)
