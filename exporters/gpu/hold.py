"""Whether the GPUs are to be left alone: for a reset, a driver's upgrade, another's measurement.

While they are, no worker runs and no handle is open. It ends by itself.
"""

import logging
import os

from exporters.settings import Settings

log = logging.getLogger(__name__)


class Hold:
    """The files that ask for it."""

    def __init__(self, settings: Settings) -> None:
        """Take the paths: one asks while it is there, the other while it is not."""
        self._hold = settings.hold_file
        self._ready = settings.driver_ready_file
        self.reason = ""
        """Why they are left alone, empty where they are not."""

    @property
    def free(self) -> bool:
        """Whether GPUs may be read."""
        return not self.reason

    def look(self) -> bool:
        """Look at the files; return whether the hold began or ended."""
        reason = self._reason()
        if bool(reason) == bool(self.reason):
            self.reason = reason
            return False
        self.reason = reason
        if reason:
            log.warning("GPUs are let go of", extra={"because": reason})
        else:
            log.info("GPUs are read again")
        return True

    def _reason(self) -> str:
        if self._hold and os.path.exists(self._hold):  # noqa: PTH110 - a plain question
            return f"--hold-file {self._hold} is there"
        if self._ready and not os.path.exists(self._ready):  # noqa: PTH110 - a plain question
            return f"--driver-ready-file {self._ready} is not there"
        return ""
