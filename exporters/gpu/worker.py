"""What a worker of the GPU family works on: one GPU, or the list of all."""

from collections.abc import Iterator, Mapping

from exporters.facility import Outcome
from exporters.gpu import xid
from exporters.gpu.inventory import INDEX, SLOT, UUID, InventorySession
from exporters.gpu.nvml import Gpu, Nvml
from exporters.registry import GPU, chosen
from exporters.runtime import GONE, Session, run
from exporters.sample import Note
from exporters.settings import Settings


class GpuSession:
    """One GPU."""

    lasting = True

    def __init__(self, settings: Settings, gpu: Gpu) -> None:
        """Take the GPU, opened."""
        self._gpu = gpu
        self._facilities = chosen(GPU, settings.facilities)
        self.notes = (
            Note(INDEX, gpu.index),
            Note(UUID, gpu.uuid),
            Note(SLOT, gpu.pci_bus_id()),
        )

    def cycle(self) -> Iterator[Outcome]:
        """Run each facility; of a GPU that is gone, only what its driver still tells."""
        self._gpu.begin()
        for facility in self._facilities:
            outcome = run(facility, (self._gpu,))
            yield outcome
            if outcome.device in GONE:
                yield from self._last_words()
                return

    def _last_words(self) -> Iterator[Outcome]:
        if xid.FACILITY in self._facilities:
            yield run(xid.FACILITY, (self._gpu,))


def attach(settings: Settings, target: Mapping[str, str | int]) -> Session:
    """Open a GPU by its slot, or by its index where that is all there is.

    A target that names neither is the list of all GPUs.
    """
    nvml = Nvml(settings.nvml_library)
    if SLOT in target:
        handle = nvml.by_pci_bus_id(str(target[SLOT]))
    elif INDEX in target:
        handle = nvml.by_index(int(target[INDEX]))
    else:
        return InventorySession(nvml)
    return GpuSession(settings, Gpu(handle, settings.procfs))
