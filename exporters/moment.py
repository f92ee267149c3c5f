"""Now, on both clocks: ages are counted on one that never jumps, timestamps told on the other."""

import time
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """One instant; `mono` is for differences, `wall` is unix time."""

    mono: float
    wall: float

    @classmethod
    def now(cls) -> "Moment":
        """Return this instant."""
        return cls(mono=time.monotonic(), wall=time.time())
