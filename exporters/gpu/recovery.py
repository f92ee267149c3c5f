"""gpu/recovery: what the driver asks to be done so that the GPU works again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from catalog.gpu_repair import GPU_RECOVERY_ACTION, RECOVERY_ACTIONS, UNKNOWN_ACTION
from exporters.facility import Facility
from exporters.gpu.fields import Field

if TYPE_CHECKING:
    from collections.abc import Iterator

    from exporters.gpu.nvml import Gpu
    from exporters.sample import Sample


def action(gpu: Gpu) -> Iterator[Sample]:
    """Yield the action asked for; a value of unknown meaning is `unknown`, never `none`."""
    asked = RECOVERY_ACTIONS.get(int(gpu.field(Field.GET_GPU_RECOVERY_ACTION)), UNKNOWN_ACTION)
    for one in GPU_RECOVERY_ACTION.states:
        yield gpu.sample(GPU_RECOVERY_ACTION, one == asked, one)


FACILITY = Facility(
    family="gpu",
    name="recovery",
    reads="what the driver asks to be done so that the GPU works again",
    readings=(action,),
)
