"""What outlives the program: one small JSON file in `--path.state`, of this machine alone.

It is disposable: without it less is known, and nothing is wrong. A file that is damaged, or of
another machine, is said to be so, left aside and written anew. It is written by a thread of its
own: a disk can hang as well as a GPU.
"""

import json
import logging
import os
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from exporters.machine import Machine

log = logging.getLogger(__name__)

FORM = 1
"""Of the file; a file of another form is not read."""

_FILE = "exporter.json"
_LARGEST = 4 << 20
_LOOK = 0.01
"""Seconds from one look for what was written to the next."""


class Keeping:
    """The file; each section in it belongs to one family."""

    def __init__(self, directory: str, machine: Machine) -> None:
        """Read what was kept, where a directory is given and the machine can be told."""
        self._path = Path(directory) / _FILE if directory and machine.serial else None
        self._machine = machine.serial
        self._sections: dict[str, Any] = {}
        self._written: dict[str, Any] | None = None
        self._changed = threading.Event()
        self._failed = False
        if directory and not machine.serial:
            log.warning("nothing is kept: no serial number of this machine can be read in sysfs")
        if self._path is not None:
            self._sections = self._read(self._path)
            self._written = dict(self._sections)
            threading.Thread(target=self._write_on, name="keeping", daemon=True).start()

    @property
    def keeps(self) -> bool:
        """Whether anything outlives the program."""
        return self._path is not None

    def section(self, name: str) -> Any:
        """Return what was kept under a name, None where nothing was; the reader judges its form."""
        return self._sections.get(name)

    def keep(self, name: str, section: Mapping[str, Any]) -> None:
        """Have a section written, soon, where it is another than before."""
        if self._path is not None and self._sections.get(name) != section:
            self._sections = {**self._sections, name: section}
            self._changed.set()

    def flush(self, within: float) -> bool:
        """Wait at most so many seconds for what was kept to be on disk; return whether it is.

        Looks are counted, not the clock's seconds: a stall of the machine stalls the writer too.
        """
        looks = round(within / _LOOK)
        while self._path is not None and self._sections != self._written:
            if looks == 0:
                return False
            looks -= 1
            time.sleep(_LOOK)
        return self._path is not None

    def _read(self, path: Path) -> dict[str, Any]:
        try:
            with path.open("rb") as file:
                return self._ours(json.loads(file.read(_LARGEST)))
        except FileNotFoundError:
            return {}
        except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
            told = {"file": str(path), "problem": f"{type(error).__name__}: {error}"}
            log.warning("kept state left aside: all is learned anew", extra=told)
            return {}

    def _ours(self, document: Any) -> dict[str, Any]:
        if document["form"] != FORM:
            raise ValueError(f"form {document['form']}, and this program reads form {FORM}")
        if document["machine"] != self._machine:
            raise ValueError(f"of machine {document['machine']}, and this is {self._machine}")
        return dict(document["sections"])

    def _write_on(self) -> None:
        while self._changed.wait():
            self._changed.clear()
            sections = self._sections
            if sections != self._written and self._write(sections):
                self._written = sections

    def _write(self, sections: Mapping[str, Any]) -> bool:
        assert self._path is not None
        document = {"form": FORM, "machine": self._machine, "sections": sections}
        fresh = self._path.with_suffix(".new")
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            with fresh.open("w", encoding="utf-8") as file:
                json.dump(document, file, indent=1)
                file.flush()
                os.fsync(file.fileno())
            fresh.replace(self._path)
        except OSError as error:
            if not self._failed:
                log.warning("cannot keep state", extra={"problem": str(error)})
            self._failed = True
            return False
        self._failed = False
        return True
