"""gpu/remapped_banks: memory banks replaced by spare ones, on cards that can do that."""

from __future__ import annotations

from typing import TYPE_CHECKING

from catalog import gpu_repair
from exporters.facility import Facility
from exporters.gpu.fields import Field
from exporters.gpu.kinds import each

if TYPE_CHECKING:
    from collections.abc import Iterator

    from exporters.gpu.nvml import Gpu
    from exporters.sample import Sample

_STATES = {"active": Field.ACTIVE_BANK_REMAPPINGS, "inactive": Field.INACTIVE_BANK_REMAPPINGS}
_LEFT = {"max": Field.BANK_REMAPPER_HISTOGRAM_MAX, "none": Field.BANK_REMAPPER_HISTOGRAM_NONE}
_ROWS = {
    "correctable": Field.REMAPPED_ROWS_COR_INACTIVE,
    "uncorrectable": Field.REMAPPED_ROWS_UNC_INACTIVE,
}


def banks(gpu: Gpu) -> Iterator[Sample]:
    """Yield the banks replaced, and whether one waits."""
    for state, count in each(_STATES, gpu.field):
        yield gpu.sample(gpu_repair.GPU_REMAPPED_BANKS, count, state)
    pending = gpu.field(Field.PENDING_BANK_REMAPPING)
    yield gpu.sample(gpu_repair.GPU_REMAPPED_BANKS_PENDING, bool(pending))


def left(gpu: Gpu) -> Iterator[Sample]:
    """Yield the groups of banks by the spare ones they have left."""
    for availability, count in each(_LEFT, gpu.field):
        yield gpu.sample(gpu_repair.GPU_BANK_REMAPPER_GROUPS, count, availability)


def rows(gpu: Gpu) -> Iterator[Sample]:
    """Yield the replacements of rows that are not in force."""
    for kind, count in each(_ROWS, gpu.field):
        yield gpu.sample(gpu_repair.GPU_REMAPPED_ROWS_INACTIVE, count, kind)


FACILITY = Facility(
    family="gpu",
    name="remapped_banks",
    reads="memory banks replaced by spare ones",
    readings=(banks, left, rows),
)
