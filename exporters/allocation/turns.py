"""Who is shown by name where there is room for a few: the devices of a GPU take turns. Pure."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TypeVar

from exporters.allocation.devices import Place

D = TypeVar("D", str, Place)
H = TypeVar("H")

MOST = 16
"""Names a GPU, whatever it is divided into. With it what a GPU's holders cost has a bound, which
grows by the sums of a MIG device alone."""


def shown(holders: Mapping[D, Sequence[H]], most: int = MOST) -> Mapping[D, Sequence[H]]:
    """Return the holders that are shown, by device: the first of each, then the second of each.

    So a MIG device with many holders takes no name from one that has a single one.
    """
    turns = sorted(
        (rank, device) for device, found in holders.items() for rank in range(len(found))
    )
    taken = Counter(device for _, device in turns[:most])
    return {device: found[: taken[device]] for device, found in holders.items()}
