"""What to do about a library that does not fit the driver: say it plainly, and end where asked.

The driver was upgraded while this container ran, and the library in it is the one that was injected
when it started: only a new container gets the new one. Ending is worth a try once a boot; where the
mismatch is the image's or the host's own, it would be a loop that takes the rest along.
"""

import contextlib
import logging

from catalog.gpu_state import DriverState
from exporters.errors import ReadingError
from exporters.keeping import Keeping
from exporters.node.boot import read_boot
from exporters.settings import Settings
from program.errors import ProgramError

log = logging.getLogger(__name__)

_SECTION = "mismatch"
_KEPT_WITHIN = 5.0


class MismatchError(ProgramError):
    """The program ends, so that its container is made anew."""


class Mismatch:
    """Whether it was seen, and whether the program has ended for it in this boot."""

    def __init__(self, settings: Settings, keeping: Keeping) -> None:
        """Take what the user asked for, and where the boot is kept that it was done in."""
        self._exits = settings.exit_on_driver_mismatch
        self._library = settings.nvml_library
        self._procfs = settings.procfs
        self._keeping = keeping
        self._told = False

    def judge(self, driver: DriverState | None) -> None:
        """Take the driver's state; MismatchError where the program is to end."""
        if driver is not DriverState.VERSION_MISMATCH:
            self._told = False
            return
        if self._told:
            return
        self._told = True
        log.error(
            "NVIDIA's library does not fit the driver in the kernel: the driver was upgraded, and "
            "the library in this container is stale; restart the container, so that the runtime "
            "injects the one that fits",
            extra={"library": self._library},
        )
        if self._exits:
            self._exit()

    def _exit(self) -> None:
        boot_id = self._boot_id()
        if not boot_id or self._keeping.section(_SECTION) == {"boot": boot_id}:
            log.warning("a restart did not help: the program goes on without its GPUs")
            return
        self._keeping.keep(_SECTION, {"boot": boot_id})
        if not self._keeping.flush(_KEPT_WITHIN):
            log.warning("the program goes on: it could not keep that it ended once in this boot")
            return
        raise MismatchError("driver/library version mismatch: ending, for the container's restart")

    def _boot_id(self) -> str:
        with contextlib.suppress(ReadingError):
            return read_boot(self._procfs).id
        return ""
