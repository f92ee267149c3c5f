"""The file with the declaration of queues, read again as it changes.

A mounted ConfigMap is replaced under a running program, so each pass looks. What two passes find
alike is taken, as a file may be half written in one. What makes no sense any more, or cannot be
read, changes nothing: the last good declaration stays in force, and that is said.
"""

import logging
from pathlib import Path

from program.errors import ProgramError
from scheduler_feedback.queue.declare import Declaration, DeclarationError, parse

log = logging.getLogger(__name__)

_LARGEST_FILE = 1 << 20


class QueueFile:
    """The declaration in force."""

    def __init__(self, path: str) -> None:
        """Read it; ProgramError where it makes no sense from the start."""
        self._path = Path(path)
        self._problem = ""
        try:
            self._text = self._seen = self._read()
            self._declaration = parse(self._text, path)
        except (OSError, DeclarationError) as error:
            raise ProgramError(f"--queues.file: {_why(error, path)}") from None

    @property
    def good(self) -> bool:
        """Whether the declaration in force is the one in the file."""
        return not self._problem

    def current(self) -> Declaration:
        """Return the declaration in force, after a look at the file."""
        try:
            before, self._seen = self._seen, self._read()
            text = self._seen
            if text != before:
                return self._declaration
            if text != self._text:
                self._declaration = parse(text, str(self._path))
                self._text = text
                log.info("queues declared anew", extra={"queues": len(self._declaration.queues)})
        except (OSError, DeclarationError) as error:
            self._keep(_why(error, str(self._path)))
            return self._declaration
        self._problem = ""
        return self._declaration

    def _keep(self, problem: str) -> None:
        if problem != self._problem:
            log.warning("queues: the last good declaration is kept", extra={"error": problem})
        self._problem = problem

    def _read(self) -> str:
        with self._path.open("rb") as file:
            content = file.read(_LARGEST_FILE + 1)
        if len(content) > _LARGEST_FILE:
            raise DeclarationError(f"{self._path}: larger than {_LARGEST_FILE} bytes")
        try:
            return content.decode()
        except UnicodeDecodeError:
            raise DeclarationError(f"{self._path}: not UTF-8") from None


def _why(error: Exception, path: str) -> str:
    if isinstance(error, OSError):
        return f"{path}: {error.strerror or error}"
    return str(error)
