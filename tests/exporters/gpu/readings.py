"""What a facility reads of one simulated GPU."""

from exporters.facility import Facility
from exporters.gpu.nvml import Gpu
from exporters.runtime import run


def values(facility: Facility[Gpu], gpu: Gpu) -> dict[str, float]:
    """Return the values of one cycle by metric, without prefix, and labels beyond the GPU's."""
    gpu.begin()
    return {
        " ".join((s.metric.name.removeprefix("railwatch_gpu_"), *s.labels[2:])): s.value
        for s in run(facility, [gpu]).samples
    }
