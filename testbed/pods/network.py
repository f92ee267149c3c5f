"""The pods' network: an address for each node and pod, and the Services' addresses.

A gateway between them all stands in for the nodes' routing and for kube-proxy. It is a network
namespace, as every node and pod has one; of this machine's own network nothing is touched, and
what runs on 127.0.0.1 is reached by name and address as a Service would be.
"""

import socket
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from itertools import count
from pathlib import Path
from types import TracebackType
from typing import Self, TypeVar

from testbed.namespaces import Namespace
from testbed.pods.forward import Dial, Forward

T = TypeVar("T")

_GATEWAY = "10.244.0.1"
_PATIENCE = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Interface:
    """A place in the network: a namespace and the address that it is reached at."""

    namespace: Namespace
    address: str


class Network:
    """All that nodes and pods reach, from `with` to its end. Needs root."""

    def __init__(self) -> None:
        """Prepare a network without anybody in it."""
        self.names: dict[str, str] = {}
        """What /etc/hosts of every pod says, as a cluster's DNS would."""
        self._gateway = Namespace()
        self._numbers = count(2)
        self._services = count(1)
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            stack.enter_context(self._gateway)
            self.inside(lambda: Path("/proc/sys/net/ipv4/ip_forward").write_text("1", "ascii"))
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._stack.close()

    def join(self) -> Interface:
        """Return a new place, which lasts as long as the network."""
        number = next(self._numbers)
        made = self._stack.enter_context(Namespace())
        address, far = f"10.244.{number >> 8}.{number & 255}", f"pod{number}"
        made.pair("eth0", far, self._gateway)
        made.ip("addr", "add", address, "dev", "eth0")
        made.ip("route", "add", _GATEWAY, "dev", "eth0")
        made.ip("route", "add", "default", "via", _GATEWAY)
        self._gateway.ip("addr", "add", _GATEWAY, "dev", far)
        self._gateway.ip("route", "add", address, "dev", far)
        return Interface(namespace=made, address=address)

    def serve(self, name: str, address: str, port: int, dial: Dial) -> None:
        """Serve a Service at its address; pods find it by its name, `service.namespace`."""
        if address not in self.names.values():
            self._gateway.ip("addr", "add", address, "dev", "lo")
        self.names[name] = address
        self._forward(self.inside(lambda: socket.create_server((address, port))), dial)

    def outside(self, name: str, port: int, local: int) -> None:
        """Serve what runs on a port of 127.0.0.1 as a Service of this name and port."""
        address = f"10.96.255.{next(self._services)}"
        self.serve(name, address, port, partial(reach, "127.0.0.1", local))

    def local(self, dial: Dial) -> str:
        """Return the address on 127.0.0.1 at which what `dial` reaches is served to us."""
        forward = self._forward(socket.create_server(("127.0.0.1", 0)), dial)
        return f"127.0.0.1:{forward.port}"

    def dial(self, address: str, port: int) -> socket.socket:
        """Connect to a node or pod as whoever is in the network would."""
        return self.inside(lambda: reach(address, port))

    def inside(self, function: Callable[[], T]) -> T:
        """Call a function where every node, pod and Service can be reached."""
        return self._gateway.inside(function)

    def _forward(self, listener: socket.socket, dial: Dial) -> Forward:
        made = Forward(listener, dial)
        self._stack.callback(made.close)
        return made


def reach(address: str, port: int) -> socket.socket:
    """Connect with patience for the connecting alone."""
    made = socket.create_connection((address, port), _PATIENCE)
    made.settimeout(None)
    return made
