"""What a reading yields: samples for the scrape, notes for the program itself."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from catalog.metrics import Kind, Metric
from exporters.errors import Unreadable


@dataclass(frozen=True, slots=True)
class Sample:
    """One value of one metric, in the metric's own unit.

    A wrong number of labels is a mistake of ours (TypeError); a value that is not finite, or a
    counter below zero, is the device's, and Unreadable: no such number leaves a worker.
    """

    metric: Metric
    labels: tuple[str, ...]
    value: float

    def __post_init__(self) -> None:
        """Refuse what no exposition may hold."""
        if len(self.labels) != len(self.metric.labels):
            raise TypeError(
                f"{self.metric.name} has labels {self.metric.labels}, not {self.labels}"
            )
        if not math.isfinite(self.value):
            raise Unreadable(f"{self.metric.name}: {self.value} is not a number")
        if self.value < 0 and self.metric.kind is Kind.COUNTER:
            raise Unreadable(f"{self.metric.name}: a counter at {self.value}")


def others(before: Sequence[Sample], now: Sequence[Sample]) -> list[int] | None:
    """Return the places of samples whose value is another than before; None for other series."""
    if len(before) != len(now):
        return None
    found = []
    for place, (old, new) in enumerate(zip(before, now, strict=True)):
        if new is not old:
            if new.metric is not old.metric or new.labels != old.labels:
                return None
            if new.value != old.value:
                found.append(place)
    return found


@dataclass(frozen=True, slots=True)
class Note:
    """Something a worker tells the program beside its samples, such as one Xid event."""

    name: str
    value: str | int | float
