"""What the kernel's log tells of faults of GPUs and NVSwitches, counted since the boot.

The driver names a GPU by its slot. A slot without a GPU that we know has still a voice: of a card
that was lost before the exporter began, the log is all there is.
"""

from collections.abc import Iterable, Iterator

from catalog.gpu import NVSWITCH_SXID_ERRORS, NVSWITCH_SXID_LAST_TIMESTAMP
from exporters.gpu import nvrm
from exporters.gpu.card import Card
from exporters.gpu.nvrm import FELL_OFF, AddedLine, NameLine, SxidLine, XidLine
from exporters.gpu.tally import Occurrences, Tally
from exporters.node.kernel_log import Entry
from exporters.sample import Sample


class Faults:
    """Listens to the kernel's log."""

    def __init__(self) -> None:
        """Begin with nothing heard."""
        self._xids: dict[str, Tally] = {}
        self._sxids = Occurrences[SxidLine]()
        self._uuids: dict[str, str] = {}
        self._fell: dict[str, float] = {}
        self._resets: dict[str, float] = {}

    def begin(self) -> None:
        """Begin another boot: nothing was heard of it yet."""
        self._xids, self._sxids, self._uuids = {}, Occurrences(), {}
        self._fell, self._resets = {}, {}

    def hear(self, entry: Entry) -> None:
        """Take one line."""
        match nvrm.parse(entry.message):
            case XidLine(slot=slot, code=code, resolution=resolution, withdrawn=withdrawn):
                self._xids.setdefault(slot, Tally()).add(code, resolution, entry.time)
                if code == FELL_OFF:
                    self._fell[slot] = entry.time
                if withdrawn:
                    self._resets[slot] = entry.time
            case SxidLine() as line:
                self._sxids.add(line, entry.time)
            case NameLine(slot=slot, uuid=uuid):
                self._uuids[slot] = uuid
            case AddedLine(slot=slot):
                self._resets[slot] = entry.time

    def fell(self, slot: str) -> float:
        """Return the unix time of the last Xid 79 of a GPU in this boot; 0 where there was none."""
        return self._fell.get(slot, 0.0)

    def reset(self, slot: str) -> float | None:
        """Return the unix time of the last reset of a GPU that the log tells of."""
        return self._resets.get(slot)

    def uuid(self, slot: str) -> str:
        """Return the uuid of the GPU in a slot as the driver logged it, empty where it did not."""
        return self._uuids.get(slot, "")

    def samples(self, cards: Iterable[Card]) -> Iterator[Sample]:
        """Yield the Xids of these GPUs, of those in other slots, and the SXids."""
        others = dict(self._xids)
        for card in cards:
            tally = others.pop(card.slot, None)
            if card.uuid or tally:
                yield from (tally or Tally()).samples(card.labels)
        for slot, tally in sorted(others.items()):
            yield from tally.samples((slot, self.uuid(slot)))
        yield from self._switches()

    def _switches(self) -> Iterator[Sample]:
        for line, count, last in self._sxids:
            where = (line.switch, line.slot, str(line.code), line.severity)
            yield Sample(NVSWITCH_SXID_ERRORS, where, count)
            yield Sample(NVSWITCH_SXID_LAST_TIMESTAMP, where, last)
