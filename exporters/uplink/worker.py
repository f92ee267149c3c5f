"""What the workers of the uplink family work on: one reads the kernel, one probes, one asks disks.

Apart, because each may be caught in another way: netlink behind a driver that hangs with the lock
of all interfaces, statvfs at a dead mount; and the probes must go on meanwhile.
"""

import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any

import yaml  # noqa: F401 - before the workers are forked, so that they share its memory

from exporters.errors import Unreadable
from exporters.facility import Facility, Outcome, State
from exporters.post import Target
from exporters.registry import UPLINK, chosen
from exporters.runtime import Session, run
from exporters.sample import Note
from exporters.settings import Settings
from exporters.uplink import disks, pods
from exporters.uplink.config import ConfigError
from exporters.uplink.disks import Disks
from exporters.uplink.errands import DISKS, ERRAND, FACILITIES, KERNEL, PROBES
from exporters.uplink.pod_names import PodNames
from exporters.uplink.pods import Pods
from exporters.uplink.prober import Prober
from exporters.uplink.probes import KINDS
from exporters.uplink.rtnetlink import Rtnetlink
from exporters.uplink.view import View
from exporters.uplink.watch import Watched


def _read(errand: str, settings: Settings) -> list[Facility[Any]]:
    """Return the facilities that a worker is to read, in the order in which it is watched."""
    return [f for f in chosen(UPLINK, settings.facilities) if f.name in FACILITIES[errand]]


_SWITCH = 1e-4
"""Seconds after which the thread that reads gives way to the one that has heard an answer."""


class KernelSession:
    """Interfaces, pods and traffic control, through one socket."""

    notes: tuple[Note, ...] = ()
    lasting = True

    def __init__(self, settings: Settings, watched: Watched) -> None:
        """Open the socket."""
        self._facilities = _read(KERNEL, settings)
        kernel = Rtnetlink()
        self._view = View(watched, kernel)
        self._pods = Pods(self._view, PodNames(settings.pod_logs, settings.procfs, kernel))

    def cycle(self) -> Iterator[Outcome]:
        """Run each facility on what one look shows."""
        self._view.begin()
        for facility in self._facilities:
            yield run(facility, (self._pods if facility is pods.FACILITY else self._view,))


class ProbeSession:
    """The peers, probed by a thread."""

    notes: tuple[Note, ...] = ()
    lasting = True

    def __init__(self, settings: Settings, watched: Watched) -> None:
        """Begin to probe those of the kinds that are read."""
        self._watched = watched
        self._facilities = _read(PROBES, settings)
        self._prober = Prober()
        sys.setswitchinterval(_SWITCH)
        self._prober.start()

    def cycle(self) -> Iterator[Outcome]:
        """Tell what became of the probes so far."""
        kinds = {KINDS[facility.name] for facility in self._facilities}
        peers = self._watched.look().peers
        self._prober.probe(peer for peer in peers if peer.kind in kinds)
        for facility in self._facilities:
            yield self._told(run(facility, (self._prober,)), KINDS[facility.name])

    def _told(self, outcome: Outcome, kind: str) -> Outcome:
        """Return what a facility yielded, with a word on peers that cannot be probed."""
        refused = self._prober.refusals(kind)
        if refused and outcome.state in (State.OK, State.ABSENT):
            return replace(outcome, problem=str(refused[0]))
        return outcome


class DiskSession:
    """The disks, each asked by a thread."""

    notes: tuple[Note, ...] = ()
    lasting = True

    def __init__(self, settings: Settings, watched: Watched) -> None:
        """Ask nothing yet."""
        self._disks = Disks(watched.look, settings.sysfs, settings.procfs)

    def cycle(self) -> Iterator[Outcome]:
        """Ask all of them."""
        yield run(disks.FACILITY, (self._disks,))


def attach(settings: Settings, target: Target) -> Session:
    """Open what the target names; Unreadable where the file is wrong."""
    try:
        watched = Watched(settings.uplink_config_file, settings.uplink_probe_interval)
    except ConfigError as error:
        raise Unreadable(str(error)) from None
    return _SESSIONS[str(target[ERRAND])](settings, watched)


_SESSIONS: Mapping[str, Callable[[Settings, Watched], Session]] = {
    KERNEL: KernelSession,
    PROBES: ProbeSession,
    DISKS: DiskSession,
}
