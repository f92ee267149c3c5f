"""What each node's collectors see, asked for as one number a node.

As one series a collector it would be 100,000 series of 5,000 nodes in every cycle. Instead each
facility that a proof reads has a bit, and Prometheus adds them up; what no proof reads is left out.
"""

from collections.abc import Iterable, Iterator

from catalog import labels

_WHO = f"{labels.CLUSTER}, {labels.NODE}"
_MOST = 52
"""Bits of a sample's value that are exact."""


class Mask:
    """The facilities, each as `family/facility`, and their bits."""

    def __init__(self, facilities: Iterable[str]) -> None:
        """Give each facility a bit; several numbers are asked for where they do not fit one."""
        named = sorted(set(facilities))
        self._parts = [named[start : start + _MOST] for start in range(0, len(named), _MOST)]
        self._known: dict[tuple[int, int], frozenset[str]] = {}

    def queries(self, observed: str) -> Iterator[str]:
        """Yield the queries; the answer to each is read with its place among them.

        `observed` has a series for each facility of a node that is observed.
        """
        for part in self._parts:
            bits = " or ".join(_bit(name, 2**bit) for bit, name in enumerate(part))
            yield (
                f"sum by ({_WHO}) (group by ({_WHO}, family, facility) (\n{observed}\n)"
                f" * on (family, facility) group_left () ({bits}))"
            )

    def read(self, place: int, value: float) -> frozenset[str]:
        """Return the facilities that a value stands for; the same set for the same value.

        ValueError where it stands for none.
        """
        if not 0 <= value < 2**_MOST or value != int(value):
            raise ValueError(f"{value} is no sum of bits")
        bits = int(value)
        known = self._known.get((place, bits))
        if known is None:
            named = enumerate(self._parts[place])
            known = frozenset(name for bit, name in named if bits >> bit & 1)
            self._known[place, bits] = known
        return known


def _bit(name: str, weight: int) -> str:
    family, _, facility = name.partition("/")
    named = f'label_replace(vector({weight}), "family", "{family}", "", "")'
    return f'label_replace({named}, "facility", "{facility}", "", "")'
