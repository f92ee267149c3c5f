"""Which pod and container a process, or a cgroup, belongs to, by what the kernel calls it.

The kubelet names a pod's cgroup by its uid, the runtimes a container's by its id, each in its own
way: kubepods/burstable/podUID/ID, kubepods-burstable-podUID.slice/cri-containerd-ID.scope, and
under cgroup namespaces with `..` before it.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from exporters.errors import ReadingError
from exporters.files import entries, read

_POD = re.compile(
    r"pod([0-9a-f]{8}(?:[-_][0-9a-f]{4}){3}[-_][0-9a-f]{12}|[0-9a-f]{32})(?![0-9a-f])", re.ASCII
)
"""A uid; of a static pod, the hash of its manifest."""
_CONTAINER = re.compile(r"(?<![0-9a-f])[0-9a-f]{64}(?![0-9a-f])", re.ASCII)

_LEVELS = 4
"""From the root of the cgroups down to a pod's."""
_ON_THE_WAY = re.compile(r"kube|^(burstable|besteffort|systemd|pids|memory)$")
"""Directories that pods' cgroups may be below; three of them are controllers of cgroup v1."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Membership:
    """What a process belongs to: empty is unknown, or no pod and no container."""

    pod: str = ""
    """uid."""
    container: str = ""


def parse(text: str) -> Membership:
    """Return what the lines of /proc/PID/cgroup tell.

    Under cgroup v1 there is a line for each hierarchy; some may be mounted for the container alone,
    so the first that names a container is what counts, else the first that names a pod.
    """
    found = [_of_path(line.split(":", 2)[-1]) for line in text.splitlines()]
    with_container = (member for member in found if member.container)
    with_pod = (member for member in found if member.pod)
    return next(with_container, None) or next(with_pod, None) or Membership()


def _of_path(path: str) -> Membership:
    """Return what one path tells: the outermost container, as a container may hold others."""
    pod = _POD.search(path)
    container = _CONTAINER.search(path, pod.end() if pod else 0)
    return Membership(
        pod=uid(pod[1]) if pod else "",
        container=container[0] if container else "",
    )


def uid(text: str) -> str:
    """Return a pod's uid as the API has it; systemd's slices have `_` in the place of `-`."""
    return text.replace("_", "-")


def pods(sysfs: Path) -> frozenset[str] | None:
    """Return the uids of the pods that have a cgroup, None where there is no sign of any."""
    return frozenset(_pods(sysfs / "fs/cgroup", _LEVELS)) or None


def _pods(folder: Path, levels: int) -> Iterator[str]:
    try:
        names = entries(folder)
    except ReadingError:
        return
    for name in names:
        if found := _POD.search(name):
            yield uid(found[1])
        elif levels and _ON_THE_WAY.search(name):
            yield from _pods(folder / name, levels - 1)


def of_process(procfs: str, pid: int) -> Membership | None:
    """Return what a process belongs to, None where it has ended or may not be looked at.

    Of all that /proc tells of a process, only this file: reading its command line, environment or
    maps would wait for the process's memory, which one that is caught in the driver never frees.
    """
    try:
        return parse(read(f"{procfs}/{pid}/cgroup"))
    except ReadingError:
        return None
