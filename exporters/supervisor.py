"""Carries out what the posts ask for, and carries to them what their workers send."""

import contextlib
import logging
import os
import selectors
import signal
import socket
import time
from collections.abc import Iterable

from exporters.frames import FrameError, Reader
from exporters.moment import Moment
from exporters.post import Action, Post
from exporters.zygote import Zygote

log = logging.getLogger(__name__)

_CHUNK = 1 << 15
_LULL = 0.01
"""Seconds for which what workers say may gather."""
_STALL = 0.5
"""Seconds: a program that comes that much too late was not let run, as all of its machine."""


class _Hire:
    """A worker at its post."""

    def __init__(self, number: int, post: Post, channel: socket.socket) -> None:
        self.number = number
        self.post = post
        self.channel = channel
        self.reader = Reader()


class Supervisor:
    """All posts and their workers; used from one thread, never blocks but in `wait`."""

    def __init__(self, zygote: Zygote) -> None:
        """Take the zygote that forks the workers; also wake up at any signal."""
        self._zygote = zygote
        self._posts: list[Post] = []
        self._hires: dict[int, _Hire] = {}
        self._selector = selectors.DefaultSelector()
        self._selector.register(zygote.socket, selectors.EVENT_READ)
        self._awake = time.monotonic()
        """When the last wait was over."""
        self._alarm, alarm = os.pipe()
        os.set_blocking(self._alarm, False)
        os.set_blocking(alarm, False)
        signal.set_wakeup_fd(alarm)
        self._selector.register(self._alarm, selectors.EVENT_READ)

    @property
    def wake(self) -> float:
        """When the next post has something to do, on the monotonic clock."""
        return min((post.wake for post in self._posts), default=float("inf"))

    @property
    def reading(self) -> bool:
        """Whether any worker is in the middle of a cycle."""
        return any(post.reading for post in self._posts)

    def employ(self, posts: Iterable[Post]) -> None:
        """Take on posts that are new."""
        self._posts += [post for post in posts if post not in self._posts]

    def step(self, now: Moment) -> None:
        """Do what the posts ask for now."""
        for post in self._posts:
            while (action := post.step(now)) is not None:
                self._do(post, action)

    def _do(self, post: Post, action: Action) -> None:
        if action is Action.START:
            number, channel = self._zygote.start(post.family, post.target())
            self._hires[number] = _Hire(number, post, channel)
            self._selector.register(channel, selectors.EVENT_READ, self._hires[number])
            return
        hire = next((h for h in self._hires.values() if h.post is post), None)
        if hire is None:
            return
        if action is Action.ORDER:
            with contextlib.suppress(OSError):
                hire.channel.send(b"\n")
        else:
            number = signal.SIGTERM if action is Action.TERMINATE else signal.SIGKILL
            self._zygote.kill(hire.number, number)

    def wait(self, seconds: float) -> bool:
        """Wait at most so long for anything to happen, and pass it on.

        Return whether the program was not let run, for much longer than that.
        """
        timeout = None if seconds == float("inf") else max(0.0, seconds)
        until = time.monotonic() + seconds
        if self.reading and timeout != 0:
            # A worker in the middle of a cycle says one thing after the other: to take each up at
            # once would cost more than to read it.
            time.sleep(_LULL if timeout is None else min(_LULL, timeout))
        told = self._selector.select(timeout)
        stood_still = self._excuse(until)
        for ready, _ in told:
            if isinstance(ready.data, _Hire):
                self._receive(ready.data, Moment.now())
            elif ready.fd == self._alarm:
                os.read(self._alarm, _CHUNK)
            else:
                self._bury()
        return stood_still

    def _excuse(self, until: float) -> bool:
        """Count no stall of the machine against a worker: it is not its device that hung."""
        began, self._awake = self._awake, time.monotonic()
        late = self._awake - max(until, began)
        if late <= _STALL:
            return False
        for post in self._posts:
            post.excuse(late)
        return True

    def _bury(self) -> None:
        for death in self._zygote.deaths():
            hire = self._hires.pop(death.worker, None)
            if hire is not None:
                now = Moment.now()
                self._receive(hire, now)
                self._close(hire)
                hire.post.ended(death.how, now)

    def _receive(self, hire: _Hire, now: Moment) -> None:
        try:
            while received := hire.channel.recv(_CHUNK):
                for message in hire.reader.feed(received):
                    hire.post.received(message, now)
        except BlockingIOError:
            return
        except FrameError as error:
            log.warning("worker killed", extra={"post": hire.post.key, "problem": str(error)})
            self._zygote.kill(hire.number, signal.SIGKILL)
        except OSError:
            pass
        self._close(hire)

    def _close(self, hire: _Hire) -> None:
        if hire.channel.fileno() != -1:
            self._selector.unregister(hire.channel)
            hire.channel.close()

    def close(self) -> None:
        """End all workers and the zygote."""
        signal.set_wakeup_fd(-1)
        self._zygote.stop()
        for hire in self._hires.values():
            self._close(hire)
        self._selector.close()
        os.close(self._alarm)
