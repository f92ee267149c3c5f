"""The control file's records of what a GPU is divided into, runs and rents: see layout.py."""

import ctypes

GPM = (
    "graphics_active",
    "sm_active",
    "sm_occupancy",
    "integer_active",
    "tensor_active",
    "dfma_active",
    "hmma_active",
    "dmma_active",
    "imma_active",
    "dram_active",
    "fp64_active",
    "fp32_active",
    "fp16_active",
    "pcie_sent",
    "pcie_received",
    "nvlink_received",
    "nvlink_sent",
)
"""What GPM tells, in percent or MiB a second; ABSENT where the card does not tell it."""

MIGS = 8
PROCESSES = 64
VGPUS = 4
SAMPLES = 64
"""GPM samples that one program can hold."""

NO_INSTANCE = -1
"""The instance of a process on a GPU that is not divided."""

COMPUTE, GRAPHICS, MPS = 1, 2, 3
"""What a process uses the GPU for; 0 is a free place."""


class Mig(ctypes.Structure):
    """A MIG device: a compute instance in a GPU instance."""

    _fields_ = (
        ("uuid", ctypes.c_char * 80),
        ("profile", ctypes.c_char * 32),
        ("present", ctypes.c_int64),
        ("gpu_instance", ctypes.c_int64),
        ("compute_instance", ctypes.c_int64),
        ("memory_total", ctypes.c_int64),
        ("memory_reserved", ctypes.c_int64),
        ("memory_used", ctypes.c_int64),
        ("gpm", ctypes.c_double * len(GPM)),
    )


class Process(ctypes.Structure):
    """A process on a GPU; its memory may be ABSENT. `utilization` is in percent."""

    _fields_ = (
        ("kind", ctypes.c_int64),
        ("pid", ctypes.c_int64),
        ("memory", ctypes.c_int64),
        ("gpu_instance", ctypes.c_int64),
        ("compute_instance", ctypes.c_int64),
        ("utilization", ctypes.c_int64),
    )


class License(ctypes.Structure):
    """A licence of vGPU software: a guest's for its GPU, or a host's for one of its vGPUs.

    `state` is one of NVML_GRID_LICENSE_STATE_…, `status` of NVML_GRID_LICENSE_EXPIRY_…, `expiry`
    unix time.
    """

    _fields_ = (
        ("uuid", ctypes.c_char * 80),
        ("product", ctypes.c_char * 128),
        ("present", ctypes.c_int64),
        ("state", ctypes.c_int64),
        ("status", ctypes.c_int64),
        ("expiry", ctypes.c_int64),
    )
