"""What each node's collectors see, asked for as one number a node.

As one series a collector it would be 100,000 series of 5,000 nodes in every cycle. Instead each
facility that a proof reads has a bit, and Prometheus adds them up; what no proof reads is left out.

That is still the slowest of all questions, and grows with the fleet. So it is asked beside the
cycles, once an interval, and a cycle takes the last answer.
"""

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor

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


Observed = Mapping[str, frozenset[str]]
"""Node → each `family/facility` of it that is observed."""


class Lookout:
    """Asks the sources side by side and beside the caller, and keeps how that went last."""

    def __init__(self, asks: Mapping[str, Callable[[], Observed]]) -> None:
        """Prepare to ask; nothing is known yet."""
        self._asks = asks
        self._last: dict[str, Future[Observed]] = {}
        self._asked: set[str] = set()
        self._lock = threading.Lock()
        self._pool = ThreadPoolExecutor(max_workers=max(1, len(asks)), thread_name_prefix="lookout")

    def look(self, then: Callable[[], None]) -> None:
        """Begin to ask every source; `then` is called, by any thread, once all have answered.

        Where they have not all answered the last time yet, they are not asked again.
        """
        with self._lock:
            if self._asked:
                return
            self._asked = set(self._asks)
        for name, ask in self._asks.items():
            self._pool.submit(ask).add_done_callback(
                lambda answer, name=name: self._take(name, answer, then)  # type: ignore[misc] # no inference with a default
            )
        if not self._asks:
            then()

    def told(self, source: str) -> Observed:
        """Return what a source observed when last asked, or raise why it did not say.

        One that never was is asked now.
        """
        last = self._last.get(source)
        return self._asks[source]() if last is None else last.result()

    def close(self) -> None:
        """Ask nothing more."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _take(self, source: str, answer: Future[Observed], then: Callable[[], None]) -> None:
        with self._lock:
            self._last[source] = answer
            self._asked.discard(source)
            waiting = bool(self._asked)
        if not waiting:
            then()


def _bit(name: str, weight: int) -> str:
    family, _, facility = name.partition("/")
    named = f'label_replace(vector({weight}), "family", "{family}", "", "")'
    return f'label_replace({named}, "facility", "{facility}", "", "")'
