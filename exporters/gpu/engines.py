"""gpu/engines: how busy encoder, decoder, JPEG and optical-flow engines were; not under MIG."""

from __future__ import annotations

from typing import TYPE_CHECKING

from catalog.gpu_engines import GPU_ENGINE_UTILIZATION
from exporters.errors import Unreadable
from exporters.facility import Facility
from exporters.gpu.kinds import each

if TYPE_CHECKING:
    from collections.abc import Iterator

    from exporters.gpu.nvml import Gpu
    from exporters.sample import Sample

_ENGINES = {
    "encoder": "nvmlDeviceGetEncoderUtilization",
    "decoder": "nvmlDeviceGetDecoderUtilization",
    "jpeg": "nvmlDeviceGetJpgUtilization",
    "ofa": "nvmlDeviceGetOfaUtilization",
}


def utilization(gpu: Gpu) -> Iterator[Sample]:
    """Yield the driver's percentages as ratios."""

    def share(name: str) -> float:
        percent, _period = gpu.numbers(name)
        if percent > 100:  # noqa: PLR2004 - percent
            raise Unreadable(f"{name}: {percent} is beyond 100 percent")
        return percent / 100

    for engine, ratio in each(_ENGINES, share):
        yield gpu.sample(GPU_ENGINE_UTILIZATION, ratio, engine)


FACILITY = Facility(
    family="gpu",
    name="engines",
    reads="utilisation of encoder, decoder, JPEG and optical-flow engines",
    readings=(utilization,),
)
