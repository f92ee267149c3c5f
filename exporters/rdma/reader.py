"""A worker's post in the RDMA family, and the devices it reads."""

from collections.abc import Callable
from dataclasses import replace

from exporters.facility import Cycle
from exporters.moment import Moment
from exporters.post import Pace, Post, Target
from exporters.rdma.devices import Scope
from exporters.registry import RDMA

SHORTEST = 2.0


class Reader:
    """A post that begins as the one that the devices share, and may become one device's own.

    It does so when its worker hangs at that device. The worker may then be caught in the kernel
    and never come back, so the others must not wait for its end: they get a new shared post, and
    this one stays with the device. There is thus never more than one stuck worker a device.
    """

    def __init__(
        self,
        facilities: tuple[str, ...],
        pace: Pace,
        without: frozenset[str],
        hear: Callable[["Reader", Cycle, Moment], None],
    ) -> None:
        """Open a shared post for all devices without those that have their own."""
        self._own_pace = pace
        self._hear = hear
        self._scope = Scope(without=without)
        self.post = Post(
            key=RDMA.name,
            family=RDMA.name,
            target=self._target,
            order=facilities,
            # Shorter, so that the others are read anew before their readings are too old to show.
            pace=replace(pace, cycle=max(pace.cycle / 2, SHORTEST)),
            fold=self.fold,
        )

    @property
    def only(self) -> str:
        """The one device it reads, "" where it is shared."""
        return self._scope.only

    def fold(self, cycle: Cycle, now: Moment) -> None:
        """Pass a cycle on, with whose it is."""
        self._hear(self, cycle, now)

    def stay_with(self, device: str) -> None:
        """Become this device's own; its next worker has the full time for it."""
        self._scope = Scope(only=device)
        self.post.key = f"{RDMA.name} {device}"
        self.post.pace = self._own_pace

    def _target(self) -> Target:
        return self._scope.target()
