"""When a GPU was last reset, as far as it shows."""

from catalog.gpu import GPU_ECC_ERRORS
from exporters.facility import Cycle
from exporters.gpu.state import BOOT_ID, BOOT_TIME
from exporters.moment import Moment
from exporters.node.boot import Boot, Held


class Resets:
    """The node's boot, or the last reset that was seen within it.

    It shows in the volatile error counters, which fall; in the PCI function, which is removed and
    added anew; and in the kernel's log. A reset in place of a GPU that had neither errors nor a
    recovery action to withdraw shows nowhere, and is not seen.
    """

    def __init__(self) -> None:
        """Begin without knowledge."""
        self._boot = Held()
        self.seen: float | None = None
        """The unix time of the last reset that was seen in this boot."""
        self._errors: float | None = None
        self._remembered: tuple[str, float] | None = None

    @property
    def boot_id(self) -> str:
        """The boot that the GPU's worker last told of; empty before."""
        return self._boot.id

    @property
    def latest(self) -> float | None:
        """The unix time of the last reset; None before the boot was told."""
        booted = self._boot.time
        return booted if booted is None or self.seen is None else max(booted, self.seen)

    def remember(self, boot_id: str, when: float | None) -> None:
        """Take what the program before this one had seen, should this be that boot still."""
        if when is not None:
            self._remembered = (boot_id, when)

    def boot(self, cycle: Cycle) -> bool:
        """Take which boot the cycle was in; return whether it is another one than before."""
        told = zip(cycle.notes(BOOT_ID), cycle.notes(BOOT_TIME), strict=False)
        for identity, time in told:
            changed = self._boot.take(Boot(id=str(identity), time=float(time)))
            if changed:
                self.seen = self._errors = None
            self._recall()
            return changed
        return False

    def _recall(self) -> None:
        remembered, self._remembered = self._remembered, None
        if remembered is not None and remembered[0] == self.boot_id:
            self.at(remembered[1])

    def at(self, when: float) -> None:
        """Take a reset at a unix time."""
        self.seen = when if self.seen is None else max(self.seen, when)

    def ecc(self, cycle: Cycle, now: Moment) -> None:
        """Take the volatile counters: a sum that fell was reset."""
        counts = [s.value for o in cycle.outcomes for s in o.samples if s.metric is GPU_ECC_ERRORS]
        if not counts:
            return
        total = sum(counts)
        if self._errors is not None and total < self._errors:
            self.at(now.wall)
        self._errors = total
