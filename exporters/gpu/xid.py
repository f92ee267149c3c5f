"""gpu/xid: the errors the driver reports, from its event queue.

They count only where the kernel's log cannot be read: it knows of all since the boot, the queue
of none before the exporter began, nor of any between a worker's end and its successor's start.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from exporters.errors import Unreadable
from exporters.facility import Facility
from exporters.sample import Note

if TYPE_CHECKING:
    from collections.abc import Iterator

    from exporters.gpu.nvml import Gpu

XID = "xid"
XID_TIME = "xid_time"
"""Unix time of the Xid noted before, 0 where the driver does not tell it."""
WATCHED = "xid_watched"

_AT_ONCE = 1000
"""Events taken in one cycle; the rest wait for the next."""

_HIGHEST = 1023
"""NVIDIA's catalogue ends at 172; what lies far beyond is no Xid, and must not become a series."""


def events(gpu: Gpu) -> Iterator[Note]:
    """Note each event since the last cycle; absent where the driver has no Xid events."""
    yield Note(WATCHED, gpu.events.watch())
    for _ in range(_AT_ONCE):
        event = gpu.events.next()
        if event is None:
            return
        if not 0 < event.code <= _HIGHEST:
            raise Unreadable(f"nvmlEventSetWait: Xid {event.code} is none")
        yield Note(XID, event.code)
        yield Note(XID_TIME, event.time)


FACILITY = Facility(
    family="gpu",
    name="xid",
    reads="Xid errors of GPUs, SXid errors of NVSwitches",
    readings=(events,),
)
