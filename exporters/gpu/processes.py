"""gpu/processes: how many processes hold a context on the GPU."""

from __future__ import annotations

from typing import TYPE_CHECKING

from catalog.gpu_processes import GPU_PROCESSES
from exporters.facility import Facility
from exporters.gpu.kinds import each

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from exporters.gpu.nvml import Gpu
    from exporters.gpu.nvml.division import Instance
    from exporters.gpu.nvml.processes import Process
    from exporters.sample import Sample

_LISTS = {
    "compute": "nvmlDeviceGetComputeRunningProcesses_v3",
    "graphics": "nvmlDeviceGetGraphicsRunningProcesses_v3",
    "mps": "nvmlDeviceGetMPSComputeRunningProcesses_v3",
}
"""The function of pynvml that lists the processes of a type."""

Lists = dict[tuple[str, str], tuple[str, "Instance | None"]]


def lists(gpu: Gpu) -> Lists:
    """Return what is to be asked, by uuid of the MIG device and type of process.

    A divided GPU is asked device by device: only the privileged may ask for all at once.
    """
    parts: Mapping[str, Instance | None]
    parts = {device.uuid: device for device in gpu.division.instances()}
    if not gpu.division.is_on():
        parts = {"": None}
    return {
        (uuid, kind): (name, part)
        for uuid, part in parts.items()
        for kind, name in _LISTS.items()
        if part is None or kind != "graphics"  # there is none on a MIG device of a data centre card
    }


def listed(gpu: Gpu) -> Iterator[tuple[tuple[str, str], tuple[Process, ...]]]:
    """Yield the processes by uuid of the MIG device and type of process."""
    return each(lists(gpu), lambda asked: gpu.processes(*asked))


def memory_of_each(gpu: Gpu) -> dict[tuple[str, int], int]:
    """Return the bytes of each process that tells them, by uuid of the MIG device and PID.

    A process of several types is in several lists, each time with all its memory.
    """
    most: dict[tuple[str, int], int] = {}
    for (uuid, _), found in listed(gpu):
        for process in found:
            if process.memory is not None:
                key = (uuid, process.pid)
                most[key] = max(most.get(key, 0), process.memory)
    return most


def counts(gpu: Gpu) -> Iterator[Sample]:
    """Yield how many there are; none of them is looked at."""
    for (uuid, kind), found in listed(gpu):
        yield gpu.sample(GPU_PROCESSES, len(found), uuid, kind)


FACILITY = Facility(
    family="gpu",
    name="processes",
    reads="how many processes use the GPU, by type",
    readings=(counts,),
)
