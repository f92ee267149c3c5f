"""Probes peers at their own pace, in a thread of the worker: readings only look at the records.

At most one probe a peer is under way; who has not answered in his time is not waited for.
"""

import selectors
import socket
import threading
import time
from collections.abc import Callable, Iterable

from catalog.uplink_probes import ERROR, TIMEOUT
from exporters.errors import ReadingError, Unreadable
from exporters.sample import Sample
from exporters.uplink.attempts import Attempt, attempt
from exporters.uplink.config import Peer
from exporters.uplink.record import Record


class Probing:
    """One peer: when he is to be probed, and what has become of it."""

    def __init__(self, peer: Peer, way: Attempt, due: float) -> None:
        """Begin at `due`, on the monotonic clock."""
        self.peer = peer
        self.way = way
        self.record = Record(peer.interval)
        self.due = due
        """When the next thing has to happen: a probe has to begin, or one under way is too late."""
        self.began: float | None = None
        self._beat = due

    def begin(self, now: float) -> str | None:
        """Send a probe; return a result where it has failed already."""
        missed = max(0.0, now - self._beat) // self.peer.interval
        self._beat += (missed + 1) * self.peer.interval
        self.began, self.due = now, now + self.peer.timeout
        return self.way.begin()

    def finish(self, result: str, now: float) -> None:
        """Take how the probe ended."""
        began = now if self.began is None else self.began
        self.record.take(result, now - began)
        self.way.end()
        self.began, self.due = None, max(self._beat, now)


class Prober:
    """All peers."""

    def __init__(
        self,
        make: Callable[[Peer], Attempt] = attempt,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Begin with none; `make` gives the way to probe one."""
        self._make = make
        self._clock = clock
        self._lock = threading.Lock()
        """Held while records are written, and while they are read."""
        self._probings: dict[Peer, Probing] = {}
        self._refused: dict[Peer, ReadingError] = {}
        self._selector = selectors.DefaultSelector()
        self._alarm, self._wake = socket.socketpair()
        self._alarm.settimeout(0)
        self._selector.register(self._alarm, selectors.EVENT_READ)
        self._thread = threading.Thread(target=self._run, name="prober", daemon=True)
        self._stopping = False
        self._problem = ""

    def start(self) -> None:
        """Begin to probe."""
        self._thread.start()

    def stop(self) -> None:
        """End the thread, and close all sockets."""
        self._stopping = True
        self._wake.send(b"\n")
        self._thread.join()
        for probing in self._probings.values():
            probing.way.end()
        self._selector.close()
        self._alarm.close()
        self._wake.close()

    def probe(self, peers: Iterable[Peer]) -> None:
        """Probe these from now on; those who were among the last keep their records."""
        wanted = tuple(peers)
        with self._lock:
            if set(wanted) == self._probings.keys() | self._refused.keys():
                return
            for gone in self._probings.keys() - set(wanted):
                self._forget(self._probings.pop(gone))
            self._refused = {}
            for number, peer in enumerate(wanted):
                if peer not in self._probings:
                    self._add(peer, number / len(wanted))
        self._wake.send(b"\n")

    def _add(self, peer: Peer, share: float) -> None:
        """Take on a peer; those who come together are probed one after the other."""
        try:
            way = self._make(peer)
        except ReadingError as error:
            self._refused[peer] = error
            return
        self._probings[peer] = Probing(peer, way, self._clock() + share * peer.interval)

    def samples(self, kind: str) -> list[Sample]:
        """Return what is known of the peers that are probed in one way.

        Unreadable where the thread has ended.
        """
        if self._problem:
            raise Unreadable(f"the probes have ended: {self._problem}")
        with self._lock:
            return [
                sample
                for probing in self._probings.values()
                if probing.peer.kind == kind
                for sample in probing.record.samples(probing.peer.labels)
            ]

    def refusals(self, kind: str) -> list[ReadingError]:
        """Return why peers of this kind cannot be probed at all."""
        with self._lock:
            return [error for peer, error in self._refused.items() if peer.kind == kind]

    def _run(self) -> None:
        try:
            while not self._stopping:
                self._step()
        except Exception as error:  # noqa: BLE001 - told by the next reading, as a thread cannot
            self._problem = f"{type(error).__name__}: {error}"

    def _step(self) -> None:
        """Wait for the next thing to happen, and do what is due."""
        with self._lock:
            wake = min((one.due for one in self._probings.values()), default=None)
        timeout = None if wake is None else max(0.0, wake - self._clock())
        ready = self._selector.select(timeout)
        now = self._clock()
        with self._lock:
            for key, _ in ready:
                self._hear(key.data, now)
            for probing in list(self._probings.values()):
                if self._clock() >= probing.due:
                    self._act(probing)

    def _hear(self, probing: Probing | None, now: float) -> None:
        if probing is None:
            self._alarm.recv(4096)
        elif probing.began is not None and (result := probing.way.go_on()) is not None:
            self._finish(probing, result, now)

    def _act(self, probing: Probing) -> None:
        """Begin a probe, or give one up that is too late."""
        if probing.began is not None:
            self._finish(probing, TIMEOUT, self._clock())
            return
        try:
            result = probing.begin(self._clock())
        except ReadingError:  # what was permitted no longer is
            result = ERROR
        if result is not None or probing.way.socket is None:
            self._finish(probing, result or ERROR, self._clock())
        else:
            self._selector.register(probing.way.socket, probing.way.watched, probing)

    def _finish(self, probing: Probing, result: str, now: float) -> None:
        self._unregister(probing)
        probing.finish(result, now)

    def _forget(self, probing: Probing) -> None:
        self._unregister(probing)
        probing.way.end()
        probing.began = None

    def _unregister(self, probing: Probing) -> None:
        if probing.way.socket is not None and probing.way.socket in self._selector.get_map():
            self._selector.unregister(probing.way.socket)
