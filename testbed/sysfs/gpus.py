"""NVIDIA GPUs on a node's PCI bus, as sysfs shows them; what the driver says of them is NVML's."""

from collections.abc import Callable
from contextlib import AbstractContextManager

from testbed.sysfs import switches
from testbed.sysfs.build import remove_tree
from testbed.sysfs.files import Root

DRIVER = "nvidia"

_VENDOR = "0x10de"
_DEVICE = "0x2330"
_CLASS = "0x030200"
_ALIVE = bytes.fromhex("de103023060410000100020300000000")
_ALL_ONES = b"\xff" * len(_ALIVE)
"""The head of the configuration space: vendor, device, command, status, revision and class."""


class Gpus:
    """The GPUs of a tree, by slot."""

    def __init__(self, changing: Callable[[], AbstractContextManager[Root]]) -> None:
        """Take how to change the tree."""
        self._changing = changing

    def plug(self, slot: str, driver: str = DRIVER) -> None:
        """Put a GPU in a slot; its directory is another one than any before."""
        with self._changing() as sys:
            home = _home(slot)
            if port := _port(slot):
                switches.build(sys, port)
            for name, text in {"numa_node": _numa_node(slot), **switches.LINK}.items():
                sys.write(f"{home}/{name}", text)
            sys.write(f"{home}/vendor", _VENDOR)
            sys.write(f"{home}/device", _DEVICE)
            sys.write(f"{home}/class", _CLASS)
            sys.write_bytes(f"{home}/config", _ALIVE)
            _bind(sys, slot, driver)
            sys.link(f"bus/pci/devices/{slot}", home)

    def unplug(self, slot: str) -> None:
        """Take the function away, as a surprise removal or a person's `remove` does."""
        with self._changing() as sys:
            (sys.path / "bus/pci/devices" / slot).unlink()
            remove_tree(sys, sys.path / _home(slot))

    def bind(self, slot: str, driver: str) -> None:
        """Give a function to another driver; an empty name leaves it without one."""
        with self._changing() as sys:
            _bind(sys, slot, driver)

    def silence(self, slot: str, *, silent: bool = True) -> None:
        """Let the configuration space read all ones, as of a device that fell off the bus."""
        with self._changing() as sys:
            sys.write_bytes(f"{_home(slot)}/config", _ALL_ONES if silent else _ALIVE)


def _home(slot: str) -> str:
    domain, bus, _ = slot.split(":")
    return f"{_port(slot) or f'devices/pci{domain}:{int(bus, 16) - 1:02x}'}/{slot}"


def _port(slot: str) -> str | None:
    domain, bus, _ = slot.split(":")
    return switches.gpu_port(int(domain, 16), int(bus, 16))


def _numa_node(slot: str) -> str:
    return str(int(int(slot.split(":")[1], 16) >= 0x80))  # noqa: PLR2004 - half of the 256 buses


def _bind(sys: Root, slot: str, driver: str) -> None:
    if driver:
        (sys.path / f"bus/pci/drivers/{driver}").mkdir(parents=True, exist_ok=True)
        sys.link(f"{_home(slot)}/driver", f"bus/pci/drivers/{driver}")
    else:
        (sys.path / _home(slot) / "driver").unlink(missing_ok=True)
