"""gpu/users: what the processes on the GPU use, by the pod and container they are in.

The worker looks up each process' cgroup while it is surely there; the program knows what pods are
called, and divides what the GPU as a whole says among them.
"""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING

from exporters.allocation import cgroups
from exporters.allocation.cgroups import Membership
from exporters.allocation.use import Use
from exporters.facility import Facility
from exporters.gpu.processes import memory_of_each
from exporters.sample import Note

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from exporters.gpu.nvml import Gpu

MINOR = "minor"
"""Number in the GPU's device node, which some device plugins name it by."""
MEMORY = "user_memory"
UTILIZATION = "user_utilization"
"""[uuid of the MIG device, uid of the pod, id of the container, amount]."""
TOLD = "users_told"
"""Names what was read to its end: without any process, too, there is something to divide."""

WINDOW = 2.0
"""Seconds of processes' samples that count; NVML's own utilisation is of one at most."""


def minor(gpu: Gpu) -> Iterator[Note]:
    """Note the GPU's number in /dev."""
    yield Note(MINOR, gpu.number("nvmlDeviceGetMinorNumber", most=1 << 20))


def memory(gpu: Gpu) -> Iterator[Note]:
    """Note the memory of each user."""
    most = memory_of_each(gpu)
    return _told(MEMORY, gpu.procfs, ((uuid, pid, n) for (uuid, pid), n in most.items()))


def utilization(gpu: Gpu) -> Iterator[Note]:
    """Note the utilisation of each user; there is none under MIG."""
    found = gpu.process_utilization(time.time() - WINDOW)
    return _told(UTILIZATION, gpu.procfs, (("", pid, ratio) for pid, ratio in found.items()))


def _told(name: str, procfs: str, amounts: Iterable[tuple[str, int, float]]) -> Iterator[Note]:
    """Yield the amounts by user; of a process that may not be looked at, nothing is told."""
    sums: dict[tuple[str, Membership], float] = {}
    for uuid, pid, amount in amounts:
        member = cgroups.of_process(procfs, pid)
        if member is not None:
            sums[uuid, member] = sums.get((uuid, member), 0) + amount
    for (uuid, member), amount in sums.items():
        yield Note(name, json.dumps([uuid, member.pod, member.container, amount]))
    yield Note(TOLD, name)


def uses_of(notes: Iterable[Note], name: str) -> dict[str, list[Use]] | None:
    """Return what each user uses by MIG device, None where it was not told."""
    if not any(note.name == TOLD and note.value == name for note in notes):
        return None
    uses: dict[str, list[Use]] = {}
    for note in notes:
        if note.name == name:
            uuid, pod, container, amount = json.loads(str(note.value))
            member = Membership(pod=pod, container=container)
            uses.setdefault(uuid, []).append(Use(of=member, amount=amount))
    return uses


FACILITY = Facility(
    family="gpu",
    name="users",
    reads="memory and utilisation of the GPU by pod, from the processes' cgroups",
    readings=(minor, memory, utilization),
)
