"""What a worker of the ethtool family is told to read, and in which order."""

from collections.abc import Iterable
from dataclasses import dataclass

from exporters.post import Target

_READ = "read"
_LAST = "last"
_WITHOUT = "without"
_BETWEEN = "/"
"""Between names in a target; the one character that no device's name has."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """One facility, on every device; those at which a worker hung come last."""

    facility: str
    last: tuple[str, ...] = ()
    without: tuple[str, ...] = ()
    """Devices to leave alone."""

    @classmethod
    def of(cls, target: Target) -> "Turn":
        """Return the turn that a target tells."""
        return cls(
            facility=str(target[_READ]),
            last=_split(target.get(_LAST, "")),
            without=_split(target.get(_WITHOUT, "")),
        )

    def target(self) -> Target:
        """Return the turn as a worker is told it."""
        return {
            _READ: self.facility,
            _LAST: _BETWEEN.join(self.last),
            _WITHOUT: _BETWEEN.join(self.without),
        }

    def order(self, devices: Iterable[str]) -> list[str]:
        """Return the devices as the worker comes to them."""
        return sorted(devices, key=lambda name: (name in self.last, self._rank(name)))

    def _rank(self, name: str) -> int:
        return self.last.index(name) if name in self.last else 0


def _split(names: str | int) -> tuple[str, ...]:
    return tuple(filter(None, str(names).split(_BETWEEN)))
