"""A person's word for a repair: the annotation `verified`, an RFC 3339 time. Pure.

It stands for the proof of every fault that began before it. It is the person's: the bridge never
writes or removes it, and one that has done its work says nothing of faults that come later.
"""

from dataclasses import dataclass

ACCEPTED, FUTURE, MALFORMED = "accepted", "future", "malformed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Word:
    """What the annotation says; `at` in whole Unix seconds, None where it is no time."""

    at: int | None

    def worth(self, now: float) -> str:
        """Return what it counts for now, as the metrics name it."""
        if self.at is None:
            return MALFORMED
        return FUTURE if self.at > now else ACCEPTED

    def covers(self, since: int, now: float) -> bool:
        """Whether it vouches for the repair of a fault that began at `since`."""
        return self.at is not None and since < self.at <= now
