"""gpu/fabric: the GPU's registration with the NVLink fabric, and how it is there.

Hopper and newer, on boards with NVSwitches; the fabric manager registers the GPU and judges it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from catalog import gpu_fabric
from exporters.errors import Absent
from exporters.facility import Facility

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from catalog.metrics import Metric
    from exporters.gpu.nvml import Gpu
    from exporters.gpu.nvml.fabric import Registration
    from exporters.sample import Sample

_COMPLETED = gpu_fabric.FABRIC_STATES.index("completed") + 1

_YES, _NO = 1, 2
"""What two bits of the mask say; 0 is that it is not watched."""

_TROUBLES = {
    "degraded_bandwidth": (0, _YES),
    "route_recovery": (2, _YES),
    "route_unhealthy": (4, _YES),
    "access_timeout_recovery": (6, _YES),
    "no_partition": (12, _NO),
    "manager_disconnected": (14, _NO),
}
"""Where it stands in the mask, and what says that there is this trouble.

NVML_GPU_FABRIC_HEALTH_MASK_SHIFT_*.
"""

_CONFIGURATION = 8
_CORRECT = 1


def registration(gpu: Gpu) -> Iterator[Sample]:
    """Yield how far the registration is, and once it has ended, how, where, and how well.

    What has a value of a newer driver is unknown, or left out where there is no such word.
    """
    told = gpu.fabric()
    if told.state == 0:
        raise Absent("nvmlDeviceGetGpuFabricInfoV: no fabric to register with")
    yield from _states(gpu, gpu_fabric.FABRIC_STATE, gpu_fabric.FABRIC_STATES, told.state)
    if told.state == _COMPLETED:
        yield from _result(gpu, told)
    if told.summary:
        judgements = gpu_fabric.FABRIC_HEALTH
        yield from _states(gpu, gpu_fabric.FABRIC_HEALTH_STATE, judgements, told.summary)
    yield from _troubles(gpu, told)


def _states(gpu: Gpu, metric: Metric, names: Sequence[str], told: int) -> Iterator[Sample]:
    now = names[told - 1] if 0 < told <= len(names) else gpu_fabric.UNKNOWN
    for state in metric.states:
        yield gpu.sample(metric, state == now, state)


def _result(gpu: Gpu, told: Registration) -> Iterator[Sample]:
    yield gpu.sample(gpu_fabric.FABRIC_REGISTRATION_ERROR, told.status)
    number = _configuration(told)
    configuration = gpu_fabric.CONFIGURATIONS.get(number, gpu_fabric.UNKNOWN) if number else ""
    where = (str(told.cluster), str(told.clique), configuration)
    yield gpu.sample(gpu_fabric.FABRIC_INFO, 1, *where)


def _configuration(told: Registration) -> int:
    return told.health >> _CONFIGURATION & 0xF


def _troubles(gpu: Gpu, told: Registration) -> Iterator[Sample]:
    for kind, (shift, there) in _TROUBLES.items():
        number = told.health >> shift & 0x3
        if number in (_YES, _NO):
            yield gpu.sample(gpu_fabric.FABRIC_TROUBLE, number == there, kind)
    if (number := _configuration(told)) in gpu_fabric.CONFIGURATIONS:
        yield gpu.sample(gpu_fabric.FABRIC_TROUBLE, number != _CORRECT, "incorrect_configuration")


FACILITY = Facility(
    family="gpu",
    name="fabric",
    reads="registration with the NVLink fabric, and its health",
    readings=(registration,),
)
