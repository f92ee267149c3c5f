"""Reading a simulated node through pynvml, from this process and from others."""

import subprocess
import sys
from typing import IO

import pynvml

from testbed.nvml import SimulatedNvml
from testbed.waiting import PATIENCE

XID = pynvml.nvmlEventTypeXidCriticalError
DRAM = pynvml.NVML_MEMORY_LOCATION_DRAM
UNCORRECTED = pynvml.NVML_MEMORY_ERROR_TYPE_UNCORRECTED
VOLATILE = pynvml.NVML_VOLATILE_ECC
AGGREGATE = pynvml.NVML_AGGREGATE_ECC


def gpu(index: int) -> object:
    return pynvml.nvmlDeviceGetHandleByIndex(index)


def temperature(index: int) -> int:
    return int(pynvml.nvmlDeviceGetTemperature(gpu(index), pynvml.NVML_TEMPERATURE_GPU))


def uncorrected(index: int, counter: int = VOLATILE) -> int:
    return int(pynvml.nvmlDeviceGetTotalEccErrors(gpu(index), UNCORRECTED, counter))


def field(index: int, number: int) -> int:
    value = pynvml.nvmlDeviceGetFieldValues(gpu(index), [number])[0]
    assert value.nvmlReturn == pynvml.NVML_SUCCESS
    wide = value.valueType == pynvml.NVML_VALUE_TYPE_UNSIGNED_LONG_LONG
    return int(value.value.ullVal if wide else value.value.uiVal)


def listener(*indices: int, types: int = XID) -> object:
    events = pynvml.nvmlEventSetCreate()
    for index in indices:
        pynvml.nvmlDeviceRegisterEvents(gpu(index), types, events)
    return events


def heard(events: object) -> list[int]:
    """Return the data of every event that waits."""
    found = []
    while True:
        try:
            found.append(int(pynvml.nvmlEventSetWait(events, 0).eventData))
        except pynvml.NVMLError_Timeout:
            return found


class Reader:
    """A program of its own that uses pynvml on a simulated node; `script` gets it initialised."""

    def __init__(self, nvml: SimulatedNvml, script: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", f"import pynvml, sys\npynvml.nvmlInit()\n{script}"],
            env=nvml.environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    @property
    def pipe(self) -> IO[str]:
        """What it prints."""
        assert self.process.stdout is not None
        return self.process.stdout

    def line(self) -> str:
        return self.pipe.readline().strip()

    def output(self) -> str:
        out, _ = self.process.communicate(timeout=2 * PATIENCE)
        assert self.process.returncode == 0
        return str(out).strip()
