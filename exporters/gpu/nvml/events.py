"""Xid events of one GPU, from NVML's queue.

Newer libraries wait by nvmlEventSetWait_v3, which says when the event was; older ones by _v2. Its
group ids are for structured events alone, zero for an Xid, and those name a module's own codes, not
Xids, for what the Xid's event tells as well: so bursts stay grouped by time, on either.
"""

import time
from dataclasses import dataclass
from typing import Any

import pynvml

from exporters.errors import Absent
from exporters.gpu.nvml import calls
from exporters.gpu.nvml.calls import TimedOut, call

_NEAR = 3600.0
"""Seconds from now within which an event's time is one; the header does not say since when NVML
counts, so what lies beyond is none of the unix clock."""


@dataclass(frozen=True, slots=True, kw_only=True)
class XidEvent:
    """One event; `time` is in unix seconds, 0 where the driver does not tell."""

    code: int
    time: float


class Events:
    """The queue of one GPU."""

    def __init__(self, handle: Any) -> None:
        """Take the GPU; nothing is queued yet."""
        self._handle = handle
        self._set: Any = None
        self._timed = True
        """Whether the library may have nvmlEventSetWait_v3."""

    def watch(self) -> bool:
        """Have Xids queued from now on; Absent where this GPU has no such events.

        One unsupported bit in the mask registers nothing (nvml.h), hence the question first.
        """
        if self._set is None:
            supported = calls.number("nvmlDeviceGetSupportedEventTypes", self._handle)
            wanted = supported & pynvml.nvmlEventTypeXidCriticalError
            if not wanted:
                raise Absent("nvmlDeviceGetSupportedEventTypes: no Xid events")
            events = call("nvmlEventSetCreate")
            call("nvmlDeviceRegisterEvents", self._handle, wanted, events)
            self._set = events
        return True

    def next(self) -> XidEvent | None:
        """Return the next that is queued, None where none is left; call `watch` before."""
        try:
            return self._next()
        except TimedOut:
            return None

    def _next(self) -> XidEvent:
        if self._timed:
            try:
                return self._next_timed()
            except Absent:  # of the library or of the driver, and so for good
                self._timed = False
        event = call("nvmlEventSetWait_v2", self._set, 0)
        return XidEvent(code=int(event.eventData), time=0.0)

    def _next_timed(self) -> XidEvent:
        event = pynvml.c_nvmlEventSetWait_v3_t()
        call("nvmlEventSetWait_v3", self._set, event)
        when = event.timestampUsec / 1e6
        near = abs(time.time() - when) < _NEAR
        return XidEvent(code=int(event.eventData), time=when if near else 0.0)
