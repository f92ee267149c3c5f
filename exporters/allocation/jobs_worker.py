"""What a worker of the hpc family works on: the directory that maps GPUs to jobs.

A worker of its own, because a batch system may keep that directory on a file system of the network.
"""

from collections.abc import Iterator
from pathlib import Path

from exporters.allocation import jobs
from exporters.facility import Outcome
from exporters.post import Target
from exporters.runtime import run
from exporters.sample import Note
from exporters.settings import Settings


class JobsSession:
    """The directory."""

    notes: tuple[Note, ...] = ()
    lasting = False

    def __init__(self, directory: str) -> None:
        """Open nothing: the files are listed anew in each cycle."""
        self._directory = Path(directory)

    def cycle(self) -> Iterator[Outcome]:
        """Read all files."""
        yield run(jobs.FACILITY, (self._directory,))


def attach(settings: Settings, _target: Target) -> JobsSession:
    """Open the directory."""
    return JobsSession(settings.hpc_job_mapping_dir)
