"""When to try a pod again whose eviction was refused: later each time."""

from collections.abc import Callable, Collection
from dataclasses import dataclass

_FIRST_PAUSE, _LONGEST_PAUSE = 2.0, 60.0
"""Seconds between two attempts: doubled each time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Refused:
    """A pod whose eviction was refused."""

    times: int
    until: float


class Backoff:
    """Remembers refusals, by pod uid; losing them costs the kube-apiserver a few requests."""

    def __init__(self, clock: Callable[[], float]) -> None:
        """Begin without any."""
        self._clock = clock
        self._refused: dict[str, _Refused] = {}

    def refused(self, uid: str, at_least: float = 0.0) -> None:
        """Note a refusal; the server may have named the seconds to wait at least."""
        before = self._refused.get(uid)
        times = before.times + 1 if before else 0
        pause = max(min(_FIRST_PAUSE * 2.0 ** min(times, 10), _LONGEST_PAUSE), at_least)
        self._refused[uid] = _Refused(times=times, until=self._clock() + pause)

    def forget(self, uid: str) -> None:
        """Note that a pod went."""
        self._refused.pop(uid, None)

    def waiting(self, here: Collection[str]) -> frozenset[str]:
        """Return the pods not to be tried yet, forgetting those that are not `here` any more."""
        self._refused = {uid: r for uid, r in self._refused.items() if uid in here}
        now = self._clock()
        return frozenset(uid for uid, refused in self._refused.items() if now < refused.until)
