"""GPM: rates that NVML works out from two samples which the program takes and keeps.

The older of the two is that of the cycle before, so no cycle waits for a second one. The buffers
are NVML's: two for a GPU, or for each of its MIG devices, for as long as it is there.
"""

import math
from collections.abc import Callable
from typing import Any

import pynvml

from exporters.errors import Absent, Unreadable
from exporters.gpu.nvml.calls import call, error
from exporters.gpu.nvml.division import Instance
from exporters.gpu.rates import Rate

_SUPPORT = "nvmlGpmQueryDeviceSupport"


class Pair:
    """The two newest samples of a GPU or GPU instance."""

    def __init__(self) -> None:
        """Begin without any."""
        self._newest: Any = None
        self._other: Any = None
        self._rates: dict[Rate, Any] | None = None
        self.complete = False
        """Whether both were taken, the newest in this cycle."""

    def take(self, sample: Callable[[Any], object]) -> None:
        """Take a sample over the older one; where that fails the newest is kept."""
        self.complete, self._rates = False, None
        if self._other is None:
            self._other = call("nvmlGpmSampleAlloc")
        sample(self._other)
        self.complete = self._newest is not None
        self._newest, self._other = self._other, self._newest

    def rate(self, which: Rate) -> float:
        """Return a rate over the time between the two, in NVML's unit."""
        self._rates = self._rates or self._worked_out()
        name, told = f"NVML_GPM_METRIC_{which.name}", self._rates[which]
        if told.nvmlReturn != pynvml.NVML_SUCCESS:
            raise error(name, told.nvmlReturn)
        value = float(told.value)
        if not math.isfinite(value) or value < 0:
            raise Unreadable(f"{name}: {value} is no rate")
        return value

    def _worked_out(self) -> dict[Rate, Any]:
        asked = pynvml.c_nvmlGpmMetricsGet_t()
        asked.version = pynvml.NVML_GPM_METRICS_GET_VERSION
        asked.numMetrics = len(Rate)
        asked.sample1, asked.sample2 = self._other, self._newest
        for place, rate in enumerate(Rate):
            asked.metrics[place].metricId = rate
        call("nvmlGpmMetricsGet", asked)
        return {rate: asked.metrics[place] for place, rate in enumerate(Rate)}

    def free(self) -> None:
        """Give the buffers back."""
        for sample in filter(None, (self._newest, self._other)):
            call("nvmlGpmSampleFree", sample)


class Gpm:
    """The samples of one GPU, by the uuid of a MIG device or nothing for the whole."""

    def __init__(self, handle: Any) -> None:
        """Take the GPU's handle."""
        self._handle = handle
        self._pairs: dict[str, Pair] = {}

    def forget(self) -> None:
        """Begin a cycle: a sample of the one before is the older one now, or none."""
        for pair in self._pairs.values():
            pair.complete = False

    def require(self) -> None:
        """Raise Absent where the card has no GPM."""
        if not call(_SUPPORT, self._handle).isSupportedDevice:
            raise Absent(f"{_SUPPORT}: not on this GPU")

    def take(self, instance: Instance | None) -> str:
        """Take a sample of the whole GPU, or of the GPU instance that a MIG device is in."""
        uuid = instance.uuid if instance else ""
        pair = self._pairs.setdefault(uuid, Pair())
        if instance is None:
            pair.take(lambda buffer: call("nvmlGpmSampleGet", self._handle, buffer))
        else:
            number = instance.gpu_instance
            pair.take(lambda buffer: call("nvmlGpmMigSampleGet", self._handle, number, buffer))
        return uuid

    def keep(self, uuids: set[str]) -> None:
        """Free the samples of all others: they are no longer there."""
        for gone in self._pairs.keys() - uuids:
            self._pairs.pop(gone).free()

    def complete(self) -> dict[str, Pair]:
        """Return the pairs that were completed in this cycle."""
        return {uuid: pair for uuid, pair in self._pairs.items() if pair.complete}
