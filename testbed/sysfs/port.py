"""One port: its counters with their widths, and what a change of its state brings with it."""

import os
from pathlib import Path

from testbed.sysfs.files import Root
from testbed.sysfs.hardware import (
    COUNTER_BITS,
    DOWN_PHYSICAL,
    DOWN_RATES,
    INFINIBAND,
    LINK_UP,
    RATES,
    STATES,
    Device,
)

_KINDS = ("counters", "hw_counters")
_WORD = 4
_PACKET = 4096


class Port:
    """A port's directory and, unless the tree is a captured one, the device it was built as."""

    def __init__(self, sys: Root, device: str, port: int, built: Device | None) -> None:
        self.name = f"{device} port {port}"
        self.path = sys.path / "class/infiniband" / device / "ports" / str(port)
        if not self.path.is_dir():
            raise ValueError(f"no {self.name} in {sys.path}")
        self._sys = sys
        self._number = port
        self._built = built

    @property
    def guid(self) -> str:
        """The port GUID in the kernel's notation.

        On InfiniBand it is the lower half of the default GID. On Ethernet that comes and goes with
        the network interface, and the device's own GUID stands for its port.
        """
        if self._sys.read(self.path / "link_layer") != INFINIBAND:
            return self._sys.read(self.path.parents[1] / "node_guid")
        return ":".join(self._sys.read(self.path / "gids/0").split(":")[4:])

    def counter(self, name: str) -> int:
        """Return a counter."""
        return int(self._sys.read(self._counter(name)))

    def set_counter(self, name: str, value: int) -> None:
        """Set a counter; past its width it sticks at all-ones."""
        self._sys.write(self._counter(name), str(min(value, _ceiling(name))))

    def add(self, name: str, value: int) -> None:
        """Raise a counter."""
        self.set_counter(name, self.counter(name) + value)

    def traffic(self, way: str, count: int) -> None:
        """Count bytes that pass in words of four, and their packets of 4 KiB."""
        self.add(f"port_{way}_data", count // _WORD)
        for name in (f"port_{way}_packets", f"unicast_{way}_packets"):
            self.add(name, -(-count // _PACKET))

    def set_state(self, state: str) -> None:
        """Set the state and what follows from it; the state itself changes last."""
        if state not in STATES:
            raise ValueError(f"state {state!r}: expected one of {', '.join(STATES)}")
        down = state == "DOWN"
        if down and self._is_active():
            self.add("link_downed", 1)
        layer = self._sys.read(self.path / "link_layer")
        if self._built is not None:
            self._set_carrier(self._built.netdev(self._number), up=state.startswith("ACTIVE"))
            self._sys.write(self.path / "rate", (DOWN_RATES if down else RATES)[layer])
        self._sys.write(self.path / "phys_state", DOWN_PHYSICAL[layer] if down else LINK_UP)
        self._sys.write(self.path / "state", f"{STATES[state]}: {state}")

    def _is_active(self) -> bool:
        return "ACTIVE" in self._sys.read(self.path / "state")

    def _set_carrier(self, netdev: str, *, up: bool) -> None:
        base = self._sys.path / "class/net" / netdev
        if self._sys.read(base / "carrier") == str(int(up)):
            return
        for name in ("carrier_changes", "carrier_up_count" if up else "carrier_down_count"):
            self._sys.write(base / name, str(int(self._sys.read(base / name)) + 1))
        self._sys.write(base / "operstate", "up" if up else "down")
        self._sys.write(base / "carrier", str(int(up)))

    def _counter(self, name: str) -> Path:
        for kind in _KINDS:
            if os.path.lexists(self.path / kind / name):
                return self.path / kind / name
        raise ValueError(f"{self.name} has no counter {name!r}")


def zero_counters(sys: Root) -> None:
    """Set every counter of every port to zero."""
    for kind in _KINDS:
        for counter in sys.path.glob(f"class/infiniband/*/ports/*/{kind}/*"):
            if counter.name != "lifespan":
                sys.write(counter, "0")


def _ceiling(name: str) -> int:
    return (1 << COUNTER_BITS.get(name, 64)) - 1
