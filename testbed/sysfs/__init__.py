"""Simulated /sys and /proc trees, whose counters and states change while a program reads them."""

from testbed.sysfs.hardware import LINK_LAYERS
from testbed.sysfs.simulated import SimulatedSysfs

__all__ = ["LINK_LAYERS", "SimulatedSysfs"]
