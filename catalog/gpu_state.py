"""How the driver stands, which GPUs there should be, and how long reading one takes."""

from enum import StrEnum

from catalog.gpu import DEVICE
from catalog.metrics import Metric, gauge


class GpuState(StrEnum):
    """The states of `railwatch_gpu_state`."""

    OK = "ok"
    LOST = "lost"
    """The driver, the bus, its configuration space or Xid 79 says so."""
    HUNG = "hung"
    """Its calls do not return, and those of another GPU do."""
    MISSING = "missing"
    """It should be there, and the bus or the driver has it no more."""
    RESET_REQUIRED = "reset_required"
    UNREADABLE = "unreadable"
    """It cannot be read, which says nothing of the GPU: see `railwatch_gpu_driver_state`."""
    NOT_MANAGED = "not_managed"
    """Another's: given to a virtual machine, excluded, or kept from this program."""


class DriverState(StrEnum):
    """The states of `railwatch_gpu_driver_state`."""

    OK = "ok"
    HUNG = "hung"
    """Its calls return for no GPU."""
    FAILING = "failing"
    """It fails for every GPU, and nothing speaks against the GPUs themselves."""
    ABSENT = "absent"
    """There are GPUs, and no driver is loaded or its library is not there."""
    VERSION_MISMATCH = "version_mismatch"
    """The library is of another version than the driver in the kernel."""
    HELD = "held"
    """Left alone on request: no handle is open."""


class Calls(StrEnum):
    """What has a deadline of its own."""

    ATTACH = "attach"
    """Opening a GPU; the first one after a boot may take a minute and more."""
    FACILITY = "facility"
    CYCLE = "cycle"


GPU_DRIVER_STATE = gauge(
    "railwatch_gpu_driver_state",
    "1 for the state NVIDIA's driver is in, 0 for every other. All GPUs failing alike are the "
    "driver's fault, and each then is unreadable; none where there is no GPU.",
    labels=("state",),
    source="how the GPUs and the list of them answer; NVML_ERROR_LIB_RM_VERSION_MISMATCH",
    states=tuple(DriverState),
)
GPU_EXPECTED = gauge(
    "railwatch_gpu_expected",
    "GPUs this node should have: declared (file, annotation), else learned from a full healthy "
    "period; absent while that is not known.",
    labels=("source",),
    source="--inventory.file; node annotation; --path.state",
)
GPU_CYCLE_DURATION = gauge(
    "railwatch_gpu_cycle_duration_seconds",
    "How long this GPU took to answer every reading of its last whole cycle: it rises before a "
    "GPU hangs.",
    labels=DEVICE,
    unit="seconds",
    source="exporter",
)
GPU_ATTACH_DURATION = gauge(
    "railwatch_gpu_attach_duration_seconds",
    "How long opening this GPU took its worker.",
    labels=DEVICE,
    unit="seconds",
    source="exporter",
)
GPU_DEADLINE = gauge(
    "railwatch_gpu_deadline_seconds",
    "After how long a GPU is taken for hung: when it is opened, in one facility, in a whole cycle.",
    labels=("calls",),
    unit="seconds",
    source="--interval",
)

METRICS: tuple[Metric, ...] = (
    GPU_DRIVER_STATE,
    GPU_EXPECTED,
    GPU_CYCLE_DURATION,
    GPU_ATTACH_DURATION,
    GPU_DEADLINE,
)
