"""A rate with a burst, by a clock that never jumps."""

import time
from collections.abc import Callable


class Bucket:
    """Tokens that fill up at `rate` a second to at most `burst`; begins full."""

    def __init__(
        self, rate: float, burst: float = 1.0, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._rate = rate
        self._burst = max(1.0, burst)
        self._clock = clock
        self._tokens = self._burst
        self._at = clock()

    def room(self) -> int:
        """Return how many tokens may be taken now."""
        now = self._clock()
        self._tokens = min(self._burst, self._tokens + (now - self._at) * self._rate)
        self._at = now
        return int(self._tokens + 1e-9)

    def take(self) -> bool:
        """Take a token, if there is one."""
        if self.room() < 1:
            return False
        self._tokens -= 1
        return True

    def owe(self) -> None:
        """Take a token that may not be there yet; none is there again until it is paid back."""
        self.room()
        self._tokens -= 1

    def wait(self) -> float:
        """Return the seconds until there is a token again."""
        return 0.0 if self.room() >= 1 else (1 - self._tokens) / self._rate
