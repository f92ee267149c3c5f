"""A simulated NVML: a real `libnvidia-ml.so.1`, steered through a control file while it is used."""

from testbed.nvml.profiles import PROFILES
from testbed.nvml.simulated import SimulatedNvml

__all__ = ["PROFILES", "SimulatedNvml"]
