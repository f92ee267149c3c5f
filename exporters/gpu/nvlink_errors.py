"""gpu/nvlink_errors: what went wrong on the NVLinks: over all of them, and on the worst one.

The worst is only told where there is one: while a sum is zero it would say nothing more.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from catalog import gpu_nvlink
from exporters.errors import Absent
from exporters.facility import Facility
from exporters.gpu.fields import LinkField
from exporters.gpu.kinds import each
from exporters.gpu.nvlink_kinds import ERRORS, RATIOS, RECOVERIES, first, ratio

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from catalog.metrics import Metric
    from exporters.gpu.nvml import Gpu
    from exporters.sample import Sample


def _sum_and_worst(
    gpu: Gpu, metric: Metric, worst: Metric, kind: str, counts: Mapping[int, float]
) -> Iterator[Sample]:
    total = sum(counts.values())
    yield gpu.sample(metric, total, kind)
    if total:
        yield gpu.sample(worst, max(counts.values()), kind)


def errors(gpu: Gpu) -> Iterator[Sample]:
    """Yield the errors by kind: their sum, and those of the link that counts most."""

    def read(fields: tuple[LinkField, ...]) -> dict[int, float]:
        return first(fields, gpu.nvlinks.counts)[1]

    for kind, counts in each(ERRORS, read):
        metrics = gpu_nvlink.NVLINK_ERRORS, gpu_nvlink.NVLINK_ERRORS_WORST
        yield from _sum_and_worst(gpu, *metrics, kind, counts)


def recoveries(gpu: Gpu) -> Iterator[Sample]:
    """Yield how often links recovered, or did not: the sum, and the most of one link."""
    for result, counts in each(RECOVERIES, gpu.nvlinks.counts):
        metrics = gpu_nvlink.NVLINK_RECOVERIES, gpu_nvlink.NVLINK_RECOVERIES_WORST
        yield from _sum_and_worst(gpu, *metrics, result, counts)


def begun(gpu: Gpu) -> Iterator[Sample]:
    """Yield how often links began to recover."""
    counts = gpu.nvlinks.counts(LinkField.NVLINK_COUNT_LINK_RECOVERY_EVENTS)
    yield gpu.sample(gpu_nvlink.NVLINK_RECOVERIES_BEGUN, sum(counts.values()))


def ratios(gpu: Gpu) -> Iterator[Sample]:
    """Yield the bit error ratios of the link where each is highest, of those that are up."""
    up = {link: link for link in gpu.nvlinks.active()}

    def worst(field: LinkField) -> float:
        told = [ratio(value) for _, value in each(up, lambda at: gpu.nvlinks.value(field, at))]
        if not told:
            raise Absent(f"NVML_FI_DEV_{field.name}: not told of any link")
        return max(told)

    for kind, value in each(RATIOS, worst):
        yield gpu.sample(gpu_nvlink.NVLINK_BIT_ERROR_RATIO_WORST, value, kind)


def corrections(gpu: Gpu) -> Iterator[Sample]:
    """Yield the highest bin of the error correction's history in which any link counts."""
    bins = gpu.nvlinks.corrections()
    highest = max((place for place, count in bins.items() if count > 0), default=0)
    yield gpu.sample(gpu_nvlink.NVLINK_CORRECTED_SYMBOLS_WORST, highest)


FACILITY = Facility(
    family="gpu",
    name="nvlink_errors",
    reads="errors and recoveries of all NVLinks, and of the worst",
    readings=(errors, recoveries, begun, ratios, corrections),
)
