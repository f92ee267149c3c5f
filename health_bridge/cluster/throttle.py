"""How fast the kube-apiserver is written to: a rate with a burst, shared by every writer."""

import threading
import time
from collections.abc import Callable


class Throttle:
    """Passes `rate` callers a second, and up to `burst` at once after a rest."""

    def __init__(
        self,
        rate: float,
        burst: int,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """Begin with the whole burst."""
        self._clock = clock
        self._sleep = sleep
        self._step = 1 / rate
        self._burst = burst * self._step
        self._next = clock() - self._burst
        self._lock = threading.Lock()

    def wait(self) -> None:
        """Return when it is the caller's turn; turns are given in the order of asking."""
        with self._lock:
            now = self._clock()
            self._next = max(self._next, now - self._burst) + self._step
            turn = self._next
        if turn > now:
            self._sleep(turn - now)
