"""gpu/retired_pages: memory pages taken out of use, on cards older than Ampere."""

from __future__ import annotations

from typing import TYPE_CHECKING

from catalog.gpu_repair import GPU_RETIRED_PAGES, GPU_RETIRED_PAGES_PENDING
from exporters.facility import Facility
from exporters.gpu.fields import Field
from exporters.gpu.kinds import each

if TYPE_CHECKING:
    from collections.abc import Iterator

    from exporters.gpu.nvml import Gpu
    from exporters.sample import Sample

_CAUSES = {"single_bit": Field.RETIRED_SBE, "double_bit": Field.RETIRED_DBE}


def pages(gpu: Gpu) -> Iterator[Sample]:
    """Yield the pages retired, by cause."""
    for cause, count in each(_CAUSES, gpu.field):
        yield gpu.sample(GPU_RETIRED_PAGES, count, cause)


def pending(gpu: Gpu) -> Iterator[Sample]:
    """Yield whether a page waits for a reset."""
    yield gpu.sample(GPU_RETIRED_PAGES_PENDING, bool(gpu.field(Field.RETIRED_PENDING)))


FACILITY = Facility(
    family="gpu",
    name="retired_pages",
    reads="memory pages taken out of use",
    readings=(pages, pending),
)
