"""How many Xids a GPU had, and when last."""

from collections.abc import Iterator

from catalog import xid as xids
from catalog.gpu import GPU_XID_ERRORS, GPU_XID_LAST_TIMESTAMP
from exporters.facility import Cycle
from exporters.gpu import xid
from exporters.moment import Moment
from exporters.sample import Sample


class Tally:
    """Xids counted since the node's boot, as far as a worker was there to hear them."""

    def __init__(self) -> None:
        """Begin with nothing heard, which is not zero."""
        self._counts: dict[int, int] = {}
        self._last: dict[int, float] = {}

    def boot(self, new: bool) -> None:  # noqa: FBT001 - a fact, not a switch
        """Forget the counts where this is another boot."""
        if new:
            self._counts, self._last = {}, {}

    def count(self, cycle: Cycle, now: Moment) -> None:
        """Count a cycle's events; from the first look on, actionable codes stand at zero."""
        if cycle.notes(xid.WATCHED) and not self._counts:
            self._counts = {code: 0 for code, known in xids.table().items() if known.actionable}
        for code in map(int, cycle.notes(xid.XID)):
            self._counts[code] = self._counts.get(code, 0) + 1
            self._last[code] = now.wall

    def samples(self, labels: tuple[str, str]) -> Iterator[Sample]:
        """Yield count and last time of each code."""
        for code, count in sorted(self._counts.items()):
            where = (*labels, str(code), xids.resolution(code))
            yield Sample(GPU_XID_ERRORS, where, count)
            yield Sample(GPU_XID_LAST_TIMESTAMP, where, self._last.get(code, 0.0))
