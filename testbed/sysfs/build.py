"""Making a node's trees: all devices, one device, the boot; and taking a device away."""

import errno
import os
import shutil
import uuid
from dataclasses import dataclass
from pathlib import Path

from testbed.sysfs import switches, tree
from testbed.sysfs.files import Root
from testbed.sysfs.hardware import INFINIBAND, Device, device

_DIRECTORIES = (
    "class/infiniband", "class/net", "bus/pci/devices",
    "devices/system/node/node0", "devices/system/node/node1",
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What a tree is built from; it stands beside the tree for those who attach."""

    devices: int = 0
    ports_per_device: int = 1
    seed: str = ""
    link_layer: str = INFINIBAND

    def all(self) -> dict[str, Device]:
        """Return the devices by name; those of a captured tree are not among them."""
        made = (
            device(index, seed=self.seed, ports=self.ports_per_device, link_layer=self.link_layer)
            for index in range(self.devices)
        )
        return {one.name: one for one in made}


def build(sys: Root, plan: Plan) -> None:
    """Build a /sys with every device of a plan."""
    for name in _DIRECTORIES:
        (sys.path / name).mkdir(parents=True)
    for name, text in tree.machine(plan.seed).items():
        sys.write(f"class/dmi/id/{name}", text)
    for one in plan.all().values():
        build_device(sys, one)


def build_device(sys: Root, of: Device) -> None:
    """Build one device, healthy and idle; what points to it comes last, as in the kernel."""
    switches.build(sys, switches.nic_port(of.domain, of.bus))
    for name, text in tree.attributes(of).items():
        sys.write(name, text)
    for name in tree.not_supported(of):
        sys.make_unreadable(name, errno.EINVAL)
    for links in (tree.back_links(of), tree.class_links(of)):
        for name, target in links.items():
            sys.link(name, target)


def remove_device(sys: Root, of: Device) -> None:
    """Take one device away, what points to it first."""
    for name in tree.class_links(of):
        (sys.path / name).unlink()
    remove_tree(sys, sys.path / tree.pci_directory(of))


def move_away(sys: Root, of: Device) -> None:
    """Move a device into another network namespace: what is left is its function, emptied."""
    pci = sys.path / tree.pci_directory(of)
    for name in tree.class_links(of):
        if name.startswith("class/"):
            (sys.path / name).unlink()
    for directory in ("infiniband", "net"):
        remove_tree(sys, pci / directory)
        (pci / directory).mkdir()


def bring_back(sys: Root, of: Device) -> None:
    """Build a device again, in the place of what may be left of it."""
    left = sys.path / tree.pci_directory(of)
    if left.exists():
        remove_tree(sys, left)
    build_device(sys, of)


def pass_on(sys: Root, of: Device) -> None:
    """Give a device's function to a virtual machine: vfio-pci is its driver now."""
    move_away(sys, of)
    pci = tree.pci_directory(of)
    for directory in ("infiniband", "net"):
        (sys.path / pci / directory).rmdir()
    sys.link(f"{pci}/driver", "bus/pci/drivers/vfio-pci")


def remove_tree(sys: Root, directory: Path) -> None:
    """Remove a directory so that it is gone at once."""
    aside = sys.beside.with_suffix(".gone")
    directory.rename(aside)
    shutil.rmtree(aside)


def copy_capture(sys: Root, infiniband: Path) -> None:
    """Put the devices of a captured /sys/class/infiniband into a tree."""
    for captured in infiniband.iterdir():
        if captured.is_dir():
            shutil.copytree(captured, sys.path / "class/infiniband" / captured.name)


def boot(proc: Root, at: float, uptime: float) -> None:
    """Write the boot at a unix time, with a boot id of its own; the uptime does not advance."""
    cpu = "cpu  1000 0 500 90000 10 0 5 0 0 0"
    stat = f"{cpu}\n{cpu.replace('cpu ', 'cpu0', 1)}\nctxt 100\nbtime {int(at)}\nprocesses 1"
    proc.write("stat", stat)
    proc.write("uptime", f"{uptime:.2f} {uptime * (os.cpu_count() or 1):.2f}")
    proc.write("sys/kernel/random/boot_id", str(uuid.uuid4()))
