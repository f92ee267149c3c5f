"""The GPUs this node should have: declared, else learned from a full healthy period.

A full healthy period is twelve intervals in which the driver told its whole list, every GPU that
NVIDIA's driver has was in it and answered, and none was missing. What was learned only grows: a
GPU that is gone stays expected, over restarts and reboots, until the kept state is removed or
something is declared. What happens to be visible is never taken for all there is.
"""

from collections.abc import Callable

from exporters import expected
from exporters.expected import Devices, Expected
from exporters.moment import Moment

PERIOD_INTERVALS = 12


class Learning:
    """What is expected, from the best source there is."""

    def __init__(
        self, declared: Callable[[], Expected | None], learned: frozenset[str], interval: float
    ) -> None:
        """Take who knows what is declared now, and the slots that an earlier program learned."""
        self._declare = declared
        self.learned = learned
        self._period = PERIOD_INTERVALS * interval
        self._since: float | None = None

    def observe(self, healthy: frozenset[str] | None, now: Moment) -> bool:
        """Take the slots of a node in full health, None where it is not.

        Return whether there was something to learn.
        """
        if healthy is None:
            self._since = None
            return False
        if self._since is None:
            self._since = now.mono
        if now.mono - self._since < self._period or healthy <= self.learned:
            return False
        self.learned |= healthy
        return True

    @property
    def slots(self) -> frozenset[str]:
        """The slots that are known to hold a GPU that should be there."""
        _, declared = self._declared
        return frozenset(declared.names) if declared and declared.names else self.learned

    @property
    def _declared(self) -> tuple[str, Devices | None]:
        declared = self._declare()
        return (declared.source, declared.gpus) if declared else ("", None)

    @property
    def count(self) -> tuple[str, int] | None:
        """The source and how many; None while nobody knows."""
        source, declared = self._declared
        if declared is not None:
            return source, declared.count
        return (expected.LEARNED, len(self.learned)) if self.learned else None
