"""A node's RDMA devices as sysfs shows them, and its boot as /proc does, changed while read."""

import errno
import fcntl
import json
import os
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict
from pathlib import Path
from types import TracebackType
from typing import Self

from testbed.directories import private_directory
from testbed.sysfs import build
from testbed.sysfs.build import Plan
from testbed.sysfs.files import Root
from testbed.sysfs.gpus import Gpus
from testbed.sysfs.hardware import INFINIBAND, LINK_LAYERS, Device
from testbed.sysfs.port import Port, zero_counters

_BOOTED_BEFORE = 86_400.0
_PLAN = "plan.json"


class SimulatedSysfs:
    """A tree of RDMA devices `mlx5_0` … under `path`, and a /proc under `proc`."""

    def __init__(
        self,
        *,
        ports: int = 8,
        ports_per_device: int = 1,
        seed: str = "node-1",
        link_layer: str = INFINIBAND,
    ) -> None:
        """Describe a node of `ports` ports; GUIDs follow from `seed`, so give each node its own."""
        if link_layer not in LINK_LAYERS:
            raise ValueError(f"link_layer={link_layer!r}: expected {' or '.join(LINK_LAYERS)}")
        if ports_per_device < 1 or ports < 0 or ports % ports_per_device:
            raise ValueError(f"ports={ports}: not a multiple of {ports_per_device} a device")
        self._plan = Plan(
            devices=ports // ports_per_device,
            ports_per_device=ports_per_device,
            seed=seed,
            link_layer=link_layer,
        )
        self._capture: Path | None = None
        self._stack = ExitStack()
        self._root: Path | None = None

    @classmethod
    def from_capture(cls, infiniband: Path) -> Self:
        """Return a node whose /sys/class/infiniband is a copy of a captured one."""
        captured = cls(ports=0)
        captured._capture = infiniband
        return captured

    @classmethod
    def attach(cls, root: Path) -> Self:
        """Return a handle for changing a tree that another process has opened; see `root`."""
        attached = cls(ports=0)
        attached._plan = Plan(**json.loads((root / _PLAN).read_text(encoding="utf-8")))
        attached._root = root.resolve()
        return attached

    def open(self) -> Self:
        """Build the trees in a private directory."""
        with ExitStack() as stack:
            self._root = stack.enter_context(private_directory("sysfs"))
            plan = json.dumps(asdict(self._plan))
            (self._root / _PLAN).write_text(plan, encoding="utf-8")
            with self._changing() as sys:
                build.build(sys, self._plan)
                if self._capture is not None:
                    build.copy_capture(sys, self._capture)
            self._boot(time.time() - _BOOTED_BEFORE)
            self._stack = stack.pop_all()
        return self

    def close(self) -> None:
        """Remove the trees."""
        self._stack.close()

    def __enter__(self) -> Self:
        return self.open()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    @property
    def root(self) -> Path:
        """The directory that holds both trees, by which another process attaches."""
        if self._root is None:
            raise RuntimeError("the simulated sysfs is not open")
        return self._root

    @property
    def path(self) -> Path:
        """The root of the /sys tree."""
        return self.root / "sys"

    @property
    def proc(self) -> Path:
        """The root of the /proc tree."""
        return self.root / "proc"

    @property
    def gpus(self) -> Gpus:
        """The GPUs on the bus; there are none until one is plugged in."""
        return Gpus(self._changing)

    @property
    def devices(self) -> tuple[str, ...]:
        """The devices that are there now."""
        return tuple(sorted(entry.name for entry in (self.path / "class/infiniband").iterdir()))

    def guid(self, device: str, port: int = 1) -> str:
        """Return a port's GUID in the kernel's notation."""
        return self._port(device, port).guid

    def counter(self, device: str, port: int, name: str) -> int:
        """Return a counter."""
        return self._port(device, port).counter(name)

    def set_counter(self, device: str, port: int, name: str, value: int) -> None:
        """Set a counter of `counters/` or `hw_counters/`; past its width it sticks at all-ones."""
        with self._changing():
            self._port(device, port).set_counter(name, value)

    def add(self, device: str, port: int, name: str, value: int) -> None:
        """Raise a counter."""
        with self._changing():
            self._port(device, port).add(name, value)

    def traffic(self, device: str, port: int, rx_bytes: int = 0, tx_bytes: int = 0) -> None:
        """Let bytes pass; the port counts them in words of four."""
        with self._changing():
            self._port(device, port).traffic("rcv", rx_bytes)
            self._port(device, port).traffic("xmit", tx_bytes)

    def set_state(self, device: str, port: int, state: str) -> None:
        """Set a port's logical state, and with it physical state, rate and network interface.

        `state` is the kernel's word: DOWN, INIT, ARMED, ACTIVE, ACTIVE_DEFER. A port that leaves
        ACTIVE for DOWN counts it in `link_downed`.
        """
        with self._changing():
            self._port(device, port).set_state(state)

    def write(self, path: str, text: str) -> None:
        """Give any attribute under `path` any content."""
        with self._changing() as sys:
            sys.write(path, text)

    def make_unreadable(self, path: str, error: int = errno.EIO) -> None:
        """Let an attribute under `path` answer each read with an error.

        EIO is what stuck firmware gives; EINVAL, the other possible one, an unsupported attribute.
        """
        with self._changing() as sys:
            sys.read(path)
            sys.make_unreadable(path, error)

    def remove(self, device: str) -> None:
        """Take a device away with its network interfaces, as a driver that lets go of it does."""
        with self._changing() as sys:
            if device not in self.devices:
                raise ValueError(f"no device {device} in {self.path}")
            planned = self._plan.all().get(device)
            if planned is None:
                build.remove_tree(sys, self.path / "class/infiniband" / device)
            else:
                build.remove_device(sys, planned)

    def move_away(self, device: str) -> None:
        """Move a device into another network namespace, as a plugin does that gives it to a pod."""
        with self._changing() as sys:
            build.move_away(sys, self._built(device))

    def pass_on(self, device: str) -> None:
        """Give a device's PCI function to a virtual machine."""
        with self._changing() as sys:
            build.pass_on(sys, self._built(device))

    def restrict(self, device: str) -> None:
        """Let every counter and state of a device's ports be refused, as a limited PF's are."""
        with self._changing() as sys:
            for port in (self.path / "class/infiniband" / device / "ports").iterdir():
                for name in ("state", "phys_state", "rate"):
                    sys.make_unreadable(port / name, errno.EINVAL)
                for counter in port.glob("*counters/*"):
                    sys.make_unreadable(counter, errno.EINVAL)

    def _built(self, device: str) -> Device:
        if device not in self.devices or device not in self._plan.all():
            raise ValueError(f"no device {device} was built in {self.path}")
        return self._plan.all()[device]

    def restore(self, device: str) -> None:
        """Bring a removed device back as it was built: healthy, counters at zero."""
        with self._changing() as sys:
            planned = self._plan.all().get(device)
            if planned is None or device in self.devices:
                raise ValueError(f"no device {device} was removed")
            build.bring_back(sys, planned)

    def reboot(self, at: float | None = None) -> None:
        """Boot the node again at a unix time, by default now: new boot id, counters at zero.

        Ports and devices stay as they are: no reboot mends a cable.
        """
        with self._changing() as sys:
            zero_counters(sys)
            self._boot(time.time() if at is None else at)

    def _boot(self, at: float) -> None:
        build.boot(Root(self.proc, self.root), at, max(0.0, time.time() - at))

    def _port(self, device: str, port: int) -> Port:
        return Port(Root(self.path, self.root), device, port, self._plan.all().get(device))

    @contextmanager
    def _changing(self) -> Iterator[Root]:
        """Let one change the trees at a time, in whatever process."""
        lock = os.open(self.root / ".changing", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield Root(self.path, self.root)
        finally:
            os.close(lock)
