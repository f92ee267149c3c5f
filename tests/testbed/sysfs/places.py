"""Where things stand in a simulated tree."""

from pathlib import Path

from testbed.sysfs import SimulatedSysfs

CAPTURE = Path(__file__).parents[2] / "fixtures" / "sysfs-h100"


def device(sysfs: SimulatedSysfs, name: str = "mlx5_0") -> Path:
    return sysfs.path / "class" / "infiniband" / name


def port(sysfs: SimulatedSysfs, name: str = "mlx5_0", number: int = 1) -> Path:
    return device(sysfs, name) / "ports" / str(number)


def netdev(sysfs: SimulatedSysfs, name: str = "mlx5_0") -> Path:
    """Return a device's network interface, found as programs find it."""
    (found,) = (device(sysfs, name) / "device" / "net").iterdir()
    return sysfs.path / "class" / "net" / found.name
