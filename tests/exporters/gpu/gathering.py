"""One exposition of a node's GPUs, in one process: it is supervisor and worker of every post."""

import os
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module
from unittest.mock import patch

import pynvml

from exporters import exposition, frames, runtime
from exporters.facility import Outcome
from exporters.metrics import METRICS
from exporters.moment import Moment
from exporters.post import Action, Post
from exporters.program import families
from exporters.registry import FAMILIES, GPU, NODE
from exporters.sample import Sample
from exporters.settings import Settings
from testbed.nvml import SimulatedNvml
from testbed.sysfs import SimulatedSysfs

ROUNDS = 2
"""Cycles of each worker; GPM tells nothing in the first."""

_SOON = 10.0
"""Seconds: an order after that is none of the rounds."""

_WORKERS = {family.name: family.worker for family in FAMILIES}


class Gathering:
    """The families of GPU and node, every facility of theirs on."""

    def __init__(self, node: SimulatedNvml, sysfs: SimulatedSysfs, inventory: str = "") -> None:
        on = frozenset(f.key for family in (GPU, NODE) for f in family.facilities)
        self._settings = Settings(
            sysfs=str(sysfs.path),
            procfs=str(sysfs.proc),
            kmsg=str(node.kernel_log.path),
            nvml_library=str(node.library),
            inventory_file=inventory,
            facilities=on,
        )
        self._now = Moment.now()
        self._families = families(self._settings, self._now.mono)

    def read(self) -> None:
        """Let every post have its cycles; an inventory opens posts, and those come in turn."""
        done: set[str] = set()
        while posts := [p for family in self._families for p in family.posts if p.key not in done]:
            for post in posts:
                done.add(post.key)
                self._work(post)

    def _work(self, post: Post) -> None:
        """Be the supervisor and the worker of a post; a clock of its own leads to each order."""
        now = self._now
        if post.step(now) is not Action.START:
            return
        attach, target = import_module(_WORKERS[post.family]).attach, post.target()
        for message in _messages(lambda: attach(self._settings, target)):
            post.received(message, now)
            if not isinstance(message, Outcome) and post.wake < now.mono + _SOON:
                now = Moment(mono=post.wake, wall=now.wall + post.wake - now.mono)
                post.step(now)

    def samples(self) -> list[Sample]:
        return [s for family in self._families for s in family.samples(self._now)]

    def text(self) -> str:
        """Return the exposition."""
        return exposition.text(exposition.Writer(METRICS).write(self.samples()))


@contextmanager
def gathering(node: SimulatedNvml, inventory: str = "") -> Iterator[Gathering]:
    """Yield the exporter of a node, not begun."""
    with SimulatedSysfs(ports=1) as sysfs, patch.dict(os.environ, node.environment):
        for gpu in range(node.gpus):
            sysfs.gpus.plug(node.slot(gpu))
        yield Gathering(node, sysfs, inventory)
        _shut_down()


def _shut_down() -> None:
    """End all that workers have opened, as the ends of their processes would."""
    while True:
        try:
            pynvml.nvmlShutdown()
        except pynvml.NVMLError:
            return


def _messages(attach: Callable[[], runtime.Session]) -> Iterator[frames.Message]:
    """Yield what a worker sends that is ordered ROUNDS times and then let go."""
    ours, theirs = socket.socketpair()
    received = bytearray()

    def drain() -> None:
        while part := ours.recv(1 << 16):
            received.extend(part)

    drainer = threading.Thread(target=drain)
    with ours, theirs:
        ours.sendall(b"+" * (ROUNDS - 1))
        ours.shutdown(socket.SHUT_WR)
        drainer.start()
        runtime.work(theirs, attach)
        theirs.shutdown(socket.SHUT_WR)
        drainer.join()
    yield from frames.Reader().feed(bytes(received))
