"""A wire in user space that makes a line long and lossy, for kernels without netem.

    python -m testbed.relay NEAR FAR --delay 0.01 --loss 0.25

passes Ethernet frames between two network interfaces of its namespace: each later by the delay, and
IPv4 packets among them lost at random, the same ones each time. Whoever hangs on to the far ends of
the two interfaces' veth pairs sees a round trip of twice the delay.
"""

import argparse
import array
import fcntl
import heapq
import random
import selectors
import socket
import struct
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

from testbed.namespaces import Namespace
from testbed.processes import Process

_ALL = 3
"""ETH_P_ALL."""
_IPV4 = b"\x08\x00"
_OUTGOING = 4
_LONGEST = 1 << 16
_SIOCETHTOOL, _STXCSUM = 0x8946, 0x17

NEAR_ADDRESS, FAR_ADDRESS = "10.77.0.1", "10.77.0.2"
READY = "relay: ready"


class Relay:
    """Passes frames until it is told to end."""

    def __init__(self, near: str, far: str, *, delay: float, loss: float, seed: int = 0) -> None:
        """Open both interfaces; `delay` is in seconds one way, `loss` a share one way."""
        self._ends = [_open(near), _open(far)]
        self._delay = delay
        self._loss = loss
        self._random = random.Random(seed)
        self._under_way: list[tuple[float, int, socket.socket, bytes]] = []
        self._count = 0
        self._selector = selectors.DefaultSelector()
        for end, other in (self._ends, self._ends[::-1]):
            self._selector.register(end, selectors.EVENT_READ, other)

    def run(self) -> None:
        """Pass frames for ever."""
        while True:
            due = self._under_way[0][0] if self._under_way else None
            timeout = None if due is None else max(0.0, due - time.monotonic())
            for key, _ in self._selector.select(timeout):
                self._take(key.fileobj, key.data)  # type: ignore[arg-type]  # a socket, as registered
            self._pass()

    def _take(self, end: socket.socket, other: socket.socket) -> None:
        frame, (_, _, kind, *_) = end.recvfrom(_LONGEST)
        if kind == _OUTGOING:  # our own
            return
        if frame[12:14] == _IPV4 and self._random.random() < self._loss:
            return
        self._count += 1
        heapq.heappush(self._under_way, (time.monotonic() + self._delay, self._count, other, frame))

    def _pass(self) -> None:
        while self._under_way and self._under_way[0][0] <= time.monotonic():
            _, _, other, frame = heapq.heappop(self._under_way)
            other.send(frame)


def _open(interface: str) -> socket.socket:
    opened = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(_ALL))
    opened.bind((interface, 0))
    return opened


def sum_packets(interface: str) -> None:
    """Have an interface's checksums made before its packets leave, not by hardware that is none."""
    value = array.array("I", [_STXCSUM, 0])
    address, _ = value.buffer_info()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        fcntl.ioctl(control, _SIOCETHTOOL, struct.pack("16sQ16x", interface.encode(), address))


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """Two sites: `near` has the interface `line`, at NEAR_ADDRESS; `far` answers at FAR_ADDRESS."""

    near: Namespace
    far: Namespace


@contextmanager
def line(*, delay: float = 0.0, loss: float = 0.0) -> Iterator[Line]:
    """Yield two namespaces with a relay between them."""
    with ExitStack() as stack:
        near, between, far = (stack.enter_context(Namespace()) for _ in range(3))
        for site, address, end in ((near, NEAR_ADDRESS, "near"), (far, FAR_ADDRESS, "far")):
            site.pair("line", end, between)
            site.ip("addr", "add", f"{address}/24", "dev", "line")
            site.inside(lambda: sum_packets("line"))
        argv = [sys.executable, "-m", "testbed.relay", "near", "far"]
        argv += ["--delay", str(delay), "--loss", str(loss)]
        relay = stack.enter_context(Process(between.command(*argv), name="relay"))
        relay.await_ready(lambda: READY in relay.log.read_text())
        yield Line(near=near, far=far)


def main(arguments: Sequence[str] | None = None) -> None:
    """Pass frames between the interfaces that the command line names."""
    parser = argparse.ArgumentParser(prog="python -m testbed.relay", description=__doc__)
    parser.add_argument("near")
    parser.add_argument("far")
    parser.add_argument("--delay", type=float, default=0.0)
    parser.add_argument("--loss", type=float, default=0.0)
    said = parser.parse_args(arguments)
    relay = Relay(said.near, said.far, delay=said.delay, loss=said.loss)
    print(READY, flush=True)
    relay.run()


if __name__ == "__main__":
    main()
