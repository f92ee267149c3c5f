"""A TCP proxy between a client and a real server, for faults that no server can be asked for.

It passes bytes and looks into none, so TLS goes through it unbroken. What it does to them can be
changed at any moment, for the connections that are there and for new ones.
"""

import selectors
import socket
import struct
import threading
import time
from contextlib import suppress
from enum import Enum
from types import TracebackType
from typing import Self

_CHUNK = 1 << 16
_TICK = 0.05
_RESET = struct.pack("ii", 1, 0)
"""SO_LINGER for zero seconds: the other side sees a reset, not an end."""


class Mode(Enum):
    """What becomes of the bytes."""

    PASS = "pass"
    SLOW = "slow"
    """Each piece waits `delay` seconds."""
    HANG = "hang"
    """Nothing moves and nothing is closed: a partition, which leaves connections half open."""
    REFUSE = "refuse"
    """Every connection, old or new, is reset."""


class Proxy:
    """Listens on a port of its own on 127.0.0.1, from `with` to the end."""

    def __init__(self, host: str, port: int, *, delay: float = 0.2) -> None:
        """Prepare to pass connections on to a server."""
        self._server = (host, port)
        self._delay = delay
        self.mode = Mode.PASS
        self.connections = 0
        """How many were ever taken."""
        self._pairs: set[tuple[socket.socket, socket.socket]] = set()
        self._frozen: set[socket.socket] = set()
        self._threads: list[threading.Thread] = []
        self._ending = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._listener.settimeout(_TICK)

    @property
    def port(self) -> int:
        """Where it listens."""
        found: int = self._listener.getsockname()[1]
        return found

    @property
    def url(self) -> str:
        """The same, for a server without TLS."""
        return f"http://127.0.0.1:{self.port}"

    def __enter__(self) -> Self:
        self._start(self._accept)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._ending.set()
        self.cut()
        for thread in self._threads:
            thread.join()
        self._listener.close()

    def cut(self) -> None:
        """Reset every connection there is; new ones are treated as the mode says."""
        for near, far in list(self._pairs):
            for end in (near, far):
                with suppress(OSError):
                    end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
                    end.shutdown(socket.SHUT_RDWR)

    def freeze(self) -> None:
        """Let nothing move on the connections there are, for ever and unnoticed; new ones pass.

        So a connection looks after a router has forgotten it.
        """
        self._frozen |= {near for near, _ in list(self._pairs)}

    def _start(self, what: object, *arguments: object) -> None:
        thread = threading.Thread(target=what, args=arguments, daemon=True)  # type: ignore[arg-type] # one of our methods
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while not self._ending.is_set():
            try:
                near, _ = self._listener.accept()
            except TimeoutError:
                continue
            self.connections += 1
            self._start(self._serve, near)

    def _serve(self, near: socket.socket) -> None:
        with near, socket.socket() as far:
            near.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
            if not self._await_turn():
                return
            with suppress(OSError):
                far.connect(self._server)
                self._pairs.add((near, far))
                self._pass(near, far)
            self._pairs.discard((near, far))

    def _await_turn(self) -> bool:
        """Wait while nothing moves; False where the connection is to be reset."""
        while self.mode is Mode.HANG and not self._ending.wait(_TICK):
            pass
        return self.mode is not Mode.REFUSE and not self._ending.is_set()

    def _pass(self, near: socket.socket, far: socket.socket) -> None:
        with selectors.DefaultSelector() as selector:
            selector.register(near, selectors.EVENT_READ, far)
            selector.register(far, selectors.EVENT_READ, near)
            while self._await_turn():
                if near in self._frozen:
                    self._ending.wait()
                    return
                for key, _ in selector.select(_TICK):
                    if self.mode is Mode.HANG or near in self._frozen:
                        break
                    if self.mode is Mode.SLOW:
                        time.sleep(self._delay)
                    piece = key.fileobj.recv(_CHUNK)  # type: ignore[union-attr] # a socket, as registered
                    if not piece:
                        return
                    key.data.sendall(piece)
