"""gpu/c2c: chip-to-chip links, to the CPU on the same module."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from catalog.gpu_fabric import C2C_ERRORS, C2C_LINKS, C2C_SPEED, UNKNOWN
from exporters.errors import Absent, Unreadable
from exporters.facility import Facility
from exporters.gpu.fields import LinkField
from exporters.gpu.kinds import each

if TYPE_CHECKING:
    from collections.abc import Iterator

    from exporters.gpu.nvml import Gpu
    from exporters.sample import Sample

_STATES = {0: "inactive", 1: "active"}

_ERRORS = {
    "crc": LinkField.C2C_LINK_ERROR_INTR,
    "replay": LinkField.C2C_LINK_ERROR_REPLAY,
    "replay_back_to_back": LinkField.C2C_LINK_ERROR_REPLAY_B2B,
}

_MEGA = 1_000_000
_FASTEST = 10 * _MEGA
"""Megabytes a second; no link comes near."""


def _state(gpu: Gpu, link: int) -> str:
    status = gpu.c2c.value(LinkField.C2C_LINK_GET_STATUS, link)
    return _STATES.get(int(status), UNKNOWN)


def _speed(gpu: Gpu, link: int) -> float:
    speed = gpu.c2c.value(LinkField.C2C_LINK_GET_MAX_BW, link)
    if not 0 <= speed <= _FASTEST:
        raise Unreadable(f"NVML_FI_DEV_C2C_LINK_GET_MAX_BW of link {link}: {speed:g} MB/s")
    return speed * _MEGA


def links(gpu: Gpu) -> Iterator[Sample]:
    """Yield how many links are in each state."""
    counted = Counter(_state(gpu, link) for link in gpu.c2c.all)
    for state in C2C_LINKS.states:
        yield gpu.sample(C2C_LINKS, counted[state], state)


def speeds(gpu: Gpu) -> Iterator[Sample]:
    """Yield what the active links can carry together."""
    active = {link: link for link in gpu.c2c.all if _state(gpu, link) == _STATES[1]}
    told = [speed for _, speed in each(active, lambda link: _speed(gpu, link))]
    if active and not told:
        raise Absent("NVML_FI_DEV_C2C_LINK_GET_MAX_BW: not told of any link")
    yield gpu.sample(C2C_SPEED, sum(told))


def errors(gpu: Gpu) -> Iterator[Sample]:
    """Yield the errors of all links, by kind."""
    for kind, counts in each(_ERRORS, gpu.c2c.counts):
        yield gpu.sample(C2C_ERRORS, sum(counts.values()), kind)


FACILITY = Facility(
    family="gpu",
    name="c2c",
    reads="chip-to-chip links: state, speed, errors",
    readings=(links, speeds, errors),
)
