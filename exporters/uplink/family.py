"""The program's side of the uplink family: one post for each of its workers."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import chain

from exporters.family import SoloFamily
from exporters.ledger import Standing
from exporters.moment import Moment
from exporters.post import Pace, Post
from exporters.registry import UPLINK, chosen
from exporters.sample import Sample
from exporters.settings import Settings
from exporters.uplink.config import read_config
from exporters.uplink.errands import ERRAND, FACILITIES


class UplinkFamily:
    """What the workers read."""

    def __init__(self, settings: Settings, pace: Pace) -> None:
        """Open the posts; ConfigError where the file is wrong, before anything is read."""
        read_config(settings.uplink_config_file, settings.uplink_probe_interval)
        self._parts = [
            _part(errand, settings, pace)
            for errand, names in FACILITIES.items()
            if any(f.name in names for f in chosen(UPLINK, settings.facilities))
        ]

    @property
    def posts(self) -> Sequence[Post]:
        """Those of the errands that have anything to read."""
        return [post for part in self._parts for post in part.posts]

    @property
    def settled(self) -> bool:
        """Whether all have answered, or were seen not to."""
        return all(part.settled for part in self._parts)

    def standings(self, now: Moment) -> Iterator[Standing]:
        """Yield each facility as its record has it."""
        return chain.from_iterable(part.standings(now) for part in self._parts)

    def samples(self, now: Moment) -> Iterator[Sample]:
        """Yield what was read lately."""
        return chain.from_iterable(part.samples(now) for part in self._parts)


def _part(errand: str, settings: Settings, pace: Pace) -> SoloFamily:
    facilities = tuple(f for f in UPLINK.facilities if f.name in FACILITIES[errand])
    target: Mapping[str, str | int] = {ERRAND: errand}
    part = SoloFamily(replace(UPLINK, facilities=facilities), settings, pace, target=lambda: target)
    for post in part.posts:
        post.key = f"{UPLINK.name} {errand}"
    return part
