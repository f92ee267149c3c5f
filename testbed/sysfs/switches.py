"""PCIe switches as DGX H100 has them: below each a NIC, and three buses on, a GPU."""

from testbed.sysfs.files import Root
from testbed.sysfs.hardware import BUSES

_TO_GPU = 3
"""From the bus of a NIC to that of the GPU below the same switch."""
_GPU_PORT = 4
_DEPTH = 3
"""Bridges above a device: root port, and the switch's upper and lower port."""

LINK = {
    "max_link_speed": "32.0 GT/s PCIe",
    "current_link_speed": "32.0 GT/s PCIe",
    "max_link_width": "16",
    "current_link_width": "16",
}
"""What each function tells of its link."""


def nic_port(domain: int, bus: int) -> str:
    """Return the directory of the switch's port that a NIC on this bus stands below."""
    return _port(domain, bus, 0)


def gpu_port(domain: int, bus: int) -> str | None:
    """Return the directory of the port that a GPU stands below, None where no switch has it."""
    return _port(domain, bus - _TO_GPU, _GPU_PORT) if bus - _TO_GPU in BUSES else None


def _port(domain: int, bus: int, number: int) -> str:
    name = f"{domain:04x}"
    return (
        f"devices/pci{name}:{bus - 3:02x}/{name}:{bus - 3:02x}:01.0"
        f"/{name}:{bus - 2:02x}:00.0/{name}:{bus - 1:02x}:{number:02x}.0"
    )


def build(sys: Root, port: str) -> None:
    """Build a switch's port and the bridges above it, as far as they are not there."""
    parts = port.split("/")
    for depth in range(len(parts) - _DEPTH, len(parts)):
        home, address = "/".join(parts[: depth + 1]), parts[depth]
        if not (sys.path / home / "class").exists():
            for name, text in {"class": "0x060400", "vendor": "0x1000", **LINK}.items():
                sys.write(f"{home}/{name}", text)
            sys.link(f"bus/pci/devices/{address}", home)
