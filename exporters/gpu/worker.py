"""What a worker of the GPU family works on: one GPU, the list of all, or the bus where in doubt."""

from collections.abc import Iterator, Mapping
from typing import Any

from exporters.errors import (
    DeviceError,
    Mismatch,
    NoDriver,
    NotManaged,
    NotPermitted,
    ReadingError,
    Unreadable,
)
from exporters.facility import End, Outcome
from exporters.gpu import access, identity, state, xid
from exporters.gpu.inventory import INDEX, SLOT, UUID, InventorySession
from exporters.gpu.nvml import Gpu, Nvml
from exporters.gpu.pci import DOUBTED, ConfigSession, is_bound
from exporters.registry import GPU, chosen
from exporters.runtime import GONE, Session, run
from exporters.sample import Note
from exporters.settings import Settings

_BESIDE_THE_GPU = (xid.FACILITY, state.FACILITY, identity.FACILITY)
"""Facilities that a GPU which answers nothing may still have: the driver knows these by itself."""


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
        """Run each facility; of a GPU that is gone, only what its driver still tells.

        Unreadable, at the end, where all that was asked of the GPU failed: calls that come back
        with nothing but errors are no sign of health.
        """
        self._gpu.begin()
        answers, problem = False, ""
        for facility in self._facilities:
            outcome = run(facility, (self._gpu,))
            yield outcome
            if outcome.device in GONE:
                yield from self._last_words()
                return
            if facility not in _BESIDE_THE_GPU:
                answers = answers or _is_answer(outcome)
                problem = problem or outcome.problem
        if problem and not answers:
            raise Unreadable(f"every reading failed, the first with {problem}")

    def _last_words(self) -> Iterator[Outcome]:
        if xid.FACILITY in self._facilities:
            yield run(xid.FACILITY, (self._gpu,))


def _is_answer(outcome: Outcome) -> bool:
    """Whether a GPU told anything, be it that it wants to be reset."""
    return bool(outcome.samples or outcome.notes) or outcome.device is not End.OK


def attach(settings: Settings, target: Mapping[str, str | int]) -> Session:
    """Open a GPU by its slot, or by its index where that is all there is.

    A target with slots in doubt looks at the bus alone; one that names nothing is the list of all
    GPUs. NotManaged where the driver has the GPU and keeps it from us.
    """
    if DOUBTED in target:
        return ConfigSession(settings.sysfs, str(target[DOUBTED]))
    nvml = Nvml(settings.nvml_library)
    if not target:
        return InventorySession(nvml)
    try:
        return GpuSession(settings, Gpu(_handle(nvml, target), settings.procfs))
    except (DeviceError, NoDriver, Mismatch):
        raise
    except ReadingError as error:
        slot = str(target.get(SLOT, ""))
        why = access.withheld(settings.procfs, slot, bound=is_bound(settings.sysfs, slot))
        if why or isinstance(error, NotPermitted):
            raise NotManaged(why or str(error)) from None
        raise


def _handle(nvml: Nvml, target: Mapping[str, str | int]) -> Any:
    if SLOT in target:
        return nvml.by_pci_bus_id(str(target[SLOT]))
    return nvml.by_index(int(target[INDEX]))
