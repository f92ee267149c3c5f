"""What the processes on a GPU make it do."""

from typing import Any

import pynvml

from exporters.errors import Unreadable
from exporters.gpu.nvml.calls import error

_NOTHING = (pynvml.NVML_SUCCESS, pynvml.NVML_ERROR_NOT_FOUND)
"""What the driver says, and pynvml raises, where no process did anything since."""

_FULL = 100


def utilizations(handle: Any, since: float) -> dict[int, float]:
    """Return the utilisation, 0 to 1, of each process since a unix time, by PID: its last sample.

    Absent under MIG and before Maxwell.
    """
    try:
        samples = pynvml.nvmlDeviceGetProcessUtilization(handle, int(since * 1e6))
    except pynvml.NVMLError as problem:
        if problem.value in _NOTHING:
            return {}
        raise error("nvmlDeviceGetProcessUtilization", problem.value) from None
    latest: dict[int, Any] = {}
    for sample in samples:
        before = latest.get(sample.pid)
        if sample.timeStamp > since * 1e6 and (
            before is None or before.timeStamp < sample.timeStamp
        ):
            latest[sample.pid] = sample
    return {pid: _ratio(sample) for pid, sample in latest.items()}


def _ratio(sample: Any) -> float:
    if sample.smUtil > _FULL:
        raise Unreadable(f"nvmlDeviceGetProcessUtilization: {sample.smUtil} percent")
    return float(sample.smUtil) / _FULL
