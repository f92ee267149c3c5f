"""The program's side of the RDMA family: adds which ports are expected."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from exporters.facility import Cycle, State
from exporters.family import SoloFamily
from exporters.ledger import Standing
from exporters.moment import Moment
from exporters.post import Pace, Post
from exporters.rdma import inventory, port
from exporters.rdma.inventory import Expected
from exporters.registry import RDMA
from exporters.sample import Sample
from exporters.settings import Settings


class RdmaFamily:
    """The ports that one worker reads, and those it has ever seen active."""

    def __init__(self, settings: Settings, pace: Pace) -> None:
        """Open the family's post."""
        self._ports = SoloFamily(RDMA, settings, pace, listen=self._learn)
        self._wanted = inventory.FACILITY.key in settings.facilities
        self._expected = Expected()

    @property
    def posts(self) -> Sequence[Post]:
        """The one post."""
        return self._ports.posts

    @property
    def settled(self) -> bool:
        """Whether the ports were read, or seen not to be readable."""
        return self._ports.settled

    def _learn(self, cycle: Cycle) -> None:
        for outcome in cycle.outcomes:
            self._expected.learn(outcome.samples)

    def standings(self, now: Moment) -> Iterator[Standing]:
        """Yield the inventory too, which stands as the reading that it learns from."""
        standings = {standing.facility: standing for standing in self._ports.standings(now)}
        yield from standings.values()
        if self._wanted:
            unread = Standing(family=RDMA.name, facility="", state=State.ABSENT)
            source = standings.get(port.FACILITY.name, unread)
            yield replace(source, facility=inventory.FACILITY.name, seconds=None)

    def samples(self, now: Moment) -> Iterator[Sample]:
        """Yield what was read lately, and what is expected."""
        yield from self._ports.samples(now)
        if self._wanted:
            yield from self._expected.samples()
