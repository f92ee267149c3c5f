"""The ports that a machine is known to have, kept in `--path.state`: one dead at boot is missed.

A port is learned once it was active in every reading of twelve intervals. What was learned only
grows, as with GPUs: it is forgotten when the kept state is removed, and of no account where ports
are declared. A port is known by its device's PCI address, as devices' names move when one is gone.
"""

import logging
import math
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from exporters.keeping import Keeping
from exporters.ledger import STALE_AFTER
from exporters.machine import Machine
from exporters.moment import Moment

log = logging.getLogger(__name__)

SECTION = "rdma_ports"
PERIOD_INTERVALS = 12
_MOST = 1024

PortKey = tuple[str, ...]
"""Device and port."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """One port that was learned."""

    device: str
    port: str
    place: str
    """The PCI address of its device, the device's name where it has none."""
    rate: float
    """The highest in bytes a second."""


class Learned:
    """All of them."""

    def __init__(self, keeping: Keeping | None = None, interval: float = 0.0) -> None:
        """Take up what was kept; readings come at this interval."""
        self._keeping = keeping or Keeping("", Machine())
        self._period = PERIOD_INTERVALS * interval
        self._gap = STALE_AFTER * interval
        self._active: dict[PortKey, tuple[float, float]] = {}
        """Since when each port has been active, and when that was last seen."""
        self._kept = {(one.place, one.port): one for one in _read(self._keeping.section(SECTION))}

    def observe(
        self, told: Mapping[PortKey, float | None], places: Mapping[str, str], now: Moment
    ) -> None:
        """Take what a cycle told: the rate of each port that is active, None of one that is not.

        `places` are the devices by their PCI addresses.
        """
        if not self._keeping.keeps:
            return
        addresses = {device: place for place, device in places.items()}
        fresh = [
            Kept(device=key[0], port=key[1], place=addresses.get(key[0], key[0]), rate=rate)
            for key, rate in told.items()
            if self._is_long_active(key, rate, now) and rate is not None
        ]
        changed = [one for one in fresh if self._is_news(one)]
        if changed:
            self._kept |= {(one.place, one.port): one for one in changed}
            ports = [asdict(one) for _, one in sorted(self._kept.items())][:_MOST]
            self._keeping.keep(SECTION, {"ports": ports})

    def _is_long_active(self, key: PortKey, rate: float | None, now: Moment) -> bool:
        if rate is None:
            self._active.pop(key, None)
            return False
        since, last = self._active.get(key, (now.mono, now.mono))
        if now.mono - last > self._gap:
            since = now.mono
        self._active[key] = since, now.mono
        return now.mono - since >= self._period

    def _is_news(self, one: Kept) -> bool:
        known = self._kept.get((one.place, one.port))
        return known is None or known.device != one.device or one.rate > known.rate

    def ports(self, places: Mapping[str, str]) -> Iterator[tuple[PortKey, float]]:
        """Yield each port by the name that its device has now, and its rate.

        A device that is not seen has the name it had, unless another one has that now: then its PCI
        address stands for it.
        """
        taken = set(places.values())
        for one in self._kept.values():
            name = places.get(one.place) or (one.place if one.device in taken else one.device)
            yield (name, one.port), one.rate

    def device_at(self, place: str) -> str:
        """Return the name that the device at a PCI address had, "" where none was learned."""
        return next((one.device for one in self._kept.values() if one.place == place), "")


def _read(section: Any) -> list[Kept]:
    """Return what was kept; what is damaged is said, and was not."""
    if section is None:
        return []
    try:
        return [_kept(one) for one in section["ports"]]
    except (LookupError, TypeError, ValueError, OverflowError) as error:
        told = {"problem": f"{type(error).__name__}: {error}"}
        log.warning("kept RDMA ports left aside: all are learned anew", extra=told)
        return []


def _kept(one: Mapping[str, Any]) -> Kept:
    rate = float(one["rate"])
    if not (math.isfinite(rate) and rate >= 0):
        raise ValueError(f"a rate of {rate}")
    device, port, place = (str(one[name]) for name in ("device", "port", "place"))
    return Kept(device=device, port=port, place=place, rate=rate)
