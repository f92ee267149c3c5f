"""Metrics of who uses the GPUs.

`mig` is the MIG device's uuid, empty for a whole GPU: `allocation * on(node, uuid, mig)
group_left() METRIC` gives each container its part of a metric, and the parts make the whole.
"""

from catalog.gpu_mig import INSTANCE
from catalog.metrics import Metric, gauge

HOLDER = ("namespace", "pod", "container")

GPU_ALLOCATION = gauge(
    "railwatch_gpu_allocation",
    "Part of a device that a container holds: 1 where it has it alone, the share of its replicas "
    "where a device plugin shares it out. `gpu` is empty while the device is not known here.",
    labels=(*INSTANCE, *HOLDER),
    source="kubelet pod-resources API: List",
)
GPU_ALLOCATION_OMITTED = gauge(
    "railwatch_gpu_allocation_omitted",
    "Allocations left out: the kubelet told of more than are shown (16 a GPU, 1,024 a node), or "
    "of a device by a number that none has here.",
    source="kubelet pod-resources API: List",
)
GPU_ALLOCATION_TERMINATED = gauge(
    "railwatch_gpu_allocation_terminated",
    "Devices that the kubelet still lists for pods that have ended; they count as free.",
    source="kubelet pod-resources API: List; cgroups, /var/log/pods",
)
GPU_ALLOCATABLE_DEVICES = gauge(
    "railwatch_gpu_allocatable_devices",
    "Devices (of a shared one, replicas) that the kubelet can give; unhealthy ones are not among "
    "them.",
    labels=("resource",),
    source="kubelet pod-resources API: GetAllocatableResources",
)
GPU_ALLOCATED_DEVICES = gauge(
    "railwatch_gpu_allocated_devices",
    "Devices (of a shared one, replicas) that containers hold, by resource or driver.",
    labels=("resource",),
    source="kubelet pod-resources API: List",
)
GPU_JOB = gauge(
    "railwatch_gpu_job",
    "A batch job that uses the device; always 1.",
    labels=(*INSTANCE, "hpc_job"),
    source="files in --hpc-job-mapping-dir",
)

USERS = ("pod", "host", "others", "unattributed")
"""pod: a container, as far as its name is known; host: processes outside of pods; others: all users
of the device that are not among the 16 a GPU shown by name, in one sum; unattributed: what no
process that could be looked at accounts for, such as the driver's own."""

_USE = (*INSTANCE, "user", *HOLDER)

GPU_USER_MEMORY = gauge(
    "railwatch_gpu_user_memory_bytes",
    "Framebuffer memory by who uses it: a pod's container, the host, the sum of the others beyond "
    "the 16 a GPU that are shown by name, or unattributed. Together they make the memory that the "
    "device says is used.",
    labels=_USE,
    unit="bytes",
    source="NVML's running processes; /proc/PID/cgroup; /var/log/pods, /var/log/containers",
)
GPU_USER_UTILIZATION = gauge(
    "railwatch_gpu_user_utilization_ratio",
    "Utilisation by who caused it: a pod's container, the host, the sum of the others beyond the "
    "16 a GPU that are shown by name, or unattributed; none under MIG.",
    labels=_USE,
    unit="ratio",
    source="nvmlDeviceGetProcessUtilization: smUtil; /proc/PID/cgroup",
)

GPU_USERS_FOLDED = gauge(
    "railwatch_gpu_users_folded",
    "Users that have no series of their own on the device that has most of such: what they use is "
    'in `user="others"`.',
    source="NVML's running processes; /proc/PID/cgroup",
)

METRICS: tuple[Metric, ...] = (
    GPU_ALLOCATION,
    GPU_ALLOCATION_OMITTED,
    GPU_ALLOCATION_TERMINATED,
    GPU_ALLOCATABLE_DEVICES,
    GPU_ALLOCATED_DEVICES,
    GPU_JOB,
    GPU_USER_MEMORY,
    GPU_USER_UTILIZATION,
    GPU_USERS_FOLDED,
)
