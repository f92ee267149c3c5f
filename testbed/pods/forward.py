"""Passes TCP connections on, from a socket in one network namespace to a server in another."""

import socket
from collections.abc import Callable
from contextlib import suppress
from threading import Thread

_CHUNK = 1 << 16

Dial = Callable[[], socket.socket]
"""Connects to the server; OSError where it cannot be reached."""


class Forward:
    """Takes connections on a listening socket until it is closed."""

    def __init__(self, listener: socket.socket, dial: Dial) -> None:
        """Begin; the listener is ours from now on."""
        self._listener = listener
        self._dial = dial
        self._open: set[socket.socket] = set()
        self._threads = [Thread(target=self._accept, daemon=True)]
        self._threads[0].start()

    @property
    def port(self) -> int:
        """Where it listens."""
        found: int = self._listener.getsockname()[1]
        return found

    def close(self) -> None:
        """Take no more connections, and end those there are."""
        _shut(self._listener, socket.SHUT_RDWR)  # which wakes accept()
        self._threads[0].join()
        self._listener.close()
        for end in list(self._open):
            _shut(end, socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join()

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._listener.accept()
            except OSError:
                return
            thread = Thread(target=self._serve, args=(near,), daemon=True)
            self._threads.append(thread)
            thread.start()

    def _serve(self, near: socket.socket) -> None:
        with near, suppress(OSError), self._dial() as far:
            ends = {near, far}
            self._open |= ends
            back = Thread(target=_copy, args=(far, near), daemon=True)
            back.start()
            _copy(near, far)
            back.join()
            self._open -= ends


def _copy(source: socket.socket, target: socket.socket) -> None:
    """Copy until the source ends, and end the target; where either breaks, both end."""
    try:
        while piece := source.recv(_CHUNK):
            target.sendall(piece)
    except OSError:
        _shut(source, socket.SHUT_RDWR)
        _shut(target, socket.SHUT_RDWR)
    else:
        _shut(target, socket.SHUT_WR)


def _shut(end: socket.socket, how: int) -> None:
    with suppress(OSError):
        end.shutdown(how)
