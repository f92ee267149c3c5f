"""When a GPU was last reset, as far as it shows."""

from catalog.gpu import GPU_ECC_ERRORS
from exporters.facility import Cycle
from exporters.gpu.state import BOOT_ID, BOOT_TIME
from exporters.moment import Moment


class Resets:
    """The node's boot, or the last time that the volatile error counters fell within it.

    A reset of a GPU whose counters stood at zero shows nowhere in NVML and is not seen.
    """

    def __init__(self) -> None:
        """Begin without knowledge."""
        self._boot_id: str | None = None
        self._booted: float | None = None
        self._reset: float | None = None
        self._errors: float | None = None

    @property
    def latest(self) -> float | None:
        """The unix time of the last reset; None before the boot was told."""
        return self._booted if self._reset is None else self._reset

    def boot(self, cycle: Cycle) -> bool:
        """Take which boot the cycle was in; return whether it is another one than before."""
        for time in cycle.notes(BOOT_TIME):
            self._booted = float(time)
        for identity in cycle.notes(BOOT_ID):
            changed = self._boot_id is not None and self._boot_id != identity
            self._boot_id = str(identity)
            if changed:
                self._reset = self._errors = None
            return changed
        return False

    def ecc(self, cycle: Cycle, now: Moment) -> None:
        """Take the volatile counters: a sum that fell was reset."""
        counts = [s.value for o in cycle.outcomes for s in o.samples if s.metric is GPU_ECC_ERRORS]
        if not counts:
            return
        total = sum(counts)
        if self._errors is not None and total < self._errors:
            self._reset = now.wall
        self._errors = total
