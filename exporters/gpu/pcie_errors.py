"""gpu/pcie_errors: what went wrong on the GPU's own link."""

from __future__ import annotations

from typing import TYPE_CHECKING

from catalog.gpu_pcie import GPU_PCIE_ERRORS, GPU_PCIE_RECOVERIES, GPU_PCIE_REPLAYS
from exporters.facility import Facility
from exporters.gpu.fields import Field, LinkField
from exporters.gpu.kinds import each

if TYPE_CHECKING:
    from collections.abc import Iterator

    from exporters.gpu.nvml import Gpu
    from exporters.sample import Sample

_KINDS = {
    "correctable": Field.PCIE_COUNT_CORRECTABLE_ERRORS,
    "non_fatal": Field.PCIE_COUNT_NON_FATAL_ERROR,
    "fatal": Field.PCIE_COUNT_FATAL_ERROR,
    "unsupported_request": Field.PCIE_COUNT_UNSUPPORTED_REQ,
    "receiver": Field.PCIE_COUNT_RECEIVER_ERROR,
    "bad_tlp": Field.PCIE_COUNT_BAD_TLP,
    "bad_dllp": Field.PCIE_COUNT_BAD_DLLP,
    "lcrc": Field.PCIE_COUNT_LCRC_ERROR,
    "naks_sent": Field.PCIE_COUNT_NAKS_SENT,
    "naks_received": Field.PCIE_COUNT_NAKS_RECEIVED,
    "replay_rollover": Field.PCIE_REPLAY_ROLLOVER_COUNTER,
}


def replays(gpu: Gpu) -> Iterator[Sample]:
    """Yield the packets sent again."""
    yield gpu.sample(GPU_PCIE_REPLAYS, gpu.field(Field.PCIE_REPLAY_COUNTER))


def recoveries(gpu: Gpu) -> Iterator[Sample]:
    """Yield how often the link was trained again."""
    yield gpu.sample(GPU_PCIE_RECOVERIES, gpu.field(Field.PCIE_L0_TO_RECOVERY_COUNTER))


def errors(gpu: Gpu) -> Iterator[Sample]:
    """Yield the errors, by kind."""
    for kind, count in each(_KINDS, gpu.field):
        yield gpu.sample(GPU_PCIE_ERRORS, count, kind)


def lanes(gpu: Gpu) -> Iterator[Sample]:
    """Yield the errors of all lanes."""
    counts = gpu.lanes.counts(LinkField.PCIE_COUNT_LANE_ERROR)
    yield gpu.sample(GPU_PCIE_ERRORS, sum(counts.values()), "lane")


FACILITY = Facility(
    family="gpu",
    name="pcie_errors",
    reads="replays, recoveries and errors of the PCIe link",
    readings=(replays, recoveries, errors, lanes),
)
