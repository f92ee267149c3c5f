"""The library as a whole: versions, and which GPUs there are."""

import ctypes
import os
from typing import Any

import pynvml

from exporters.errors import NoDriver, Unreadable
from exporters.gpu.nvml.calls import call, number, pci_bus_id, text


class Nvml:
    """The library, loaded and initialised; one a process."""

    def __init__(self, library: str) -> None:
        """Load the library (a path, or a name for the loader) and initialise it.

        NoDriver where there is no library or no driver behind it.
        """
        try:
            pynvml.nvmlLib = ctypes.CDLL(library)
        except OSError as error:
            meaning = Unreadable if os.sep in library and os.path.exists(library) else NoDriver  # noqa: PTH110 - a plain question
            raise meaning(f"--nvml.library {library}: {error}") from None
        call("nvmlInit")

    def driver_version(self) -> str:
        """Return the kernel driver's version."""
        return text("nvmlSystemGetDriverVersion")

    def nvml_version(self) -> str:
        """Return the library's version."""
        return text("nvmlSystemGetNVMLVersion")

    def cuda_version(self) -> str:
        """Return the newest CUDA version that the driver supports, as `13.0`."""
        version = number("nvmlSystemGetCudaDriverVersion_v2")
        return f"{version // 1000}.{version % 1000 // 10}"

    def count(self) -> int:
        """Return how many GPUs the driver knows, lost ones among them."""
        return number("nvmlDeviceGetCount")

    def by_index(self, index: int) -> Any:
        """Return the handle of a GPU by its index, which moves when a card is lost."""
        return call("nvmlDeviceGetHandleByIndex", index)

    def slot(self, index: int) -> str:
        """Return the PCI function of a GPU by its index."""
        return pci_bus_id(self.by_index(index))

    def by_pci_bus_id(self, pci_bus_id: str) -> Any:
        """Return the handle of the GPU in a slot."""
        return call("nvmlDeviceGetHandleByPciBusId", pci_bus_id)
