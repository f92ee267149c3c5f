"""gpu/state: whether the GPU answers, since when it has not, when it was last reset.

The program works these out from how the worker's cycles end; the worker adds which boot this is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from exporters.facility import Facility
from exporters.node.boot import read_boot
from exporters.sample import Note

if TYPE_CHECKING:
    from collections.abc import Iterator

    from exporters.gpu.nvml import Gpu

BOOT_ID = "boot_id"
BOOT_TIME = "boot_time"


def boot(gpu: Gpu) -> Iterator[Note]:
    """Note which boot this is and when it began: a GPU was reset then at the latest."""
    found = read_boot(gpu.procfs)
    yield Note(BOOT_ID, found.id)
    yield Note(BOOT_TIME, found.time)


FACILITY = Facility(
    family="gpu",
    name="state",
    reads="state, age, last success and last reset of each GPU",
    readings=(boot,),
)
