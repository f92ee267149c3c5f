"""A simulated GPU host: eight GPUs and eight RDMA ports below a real exporter process."""

import subprocess
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from program.errors import ProgramError
from testbed.nvml import SimulatedNvml
from testbed.ports import free_port
from testbed.processes import Process
from testbed.sysfs import SimulatedSysfs

GPUS = 8
PORTS = 8
PARTS = NVML, SYSFS = "nvml", "sysfs"
"""What of a host can be steered from a shell."""


class Host:
    """One machine: hardware that can be broken and repaired, and the exporter that watches it."""

    def __init__(self, name: str, stack: ExitStack, logs: Path) -> None:
        """Build the hardware of a host; `stack` takes it down again."""
        self.name = name
        self.nvml = stack.enter_context(SimulatedNvml(gpus=GPUS, seed=name))
        self.sysfs = stack.enter_context(SimulatedSysfs(ports=PORTS, seed=name))
        for gpu in range(GPUS):
            self.sysfs.gpus.plug(self.nvml.slot(gpu))
        self.port = free_port()
        self._stack = stack
        self._logs = logs
        self._exporter: Process | None = None

    @property
    def url(self) -> str:
        """Where the exporter's metrics are."""
        return f"http://127.0.0.1:{self.port}/metrics"

    @property
    def boot_id(self) -> str:
        """The kernel's boot id, as the host's own /proc has it."""
        return (self.sysfs.proc / "sys/kernel/random/boot_id").read_text().strip()

    def start_exporter(self) -> None:
        """Start the real exporter on this host's hardware."""
        argv = [
            *(sys.executable, "-m", "exporters", f"--web.listen-address=127.0.0.1:{self.port}"),
            f"--nvml.library={self.nvml.library}",
            f"--path.sysfs={self.sysfs.path}",
            f"--path.procfs={self.sysfs.proc}",
            f"--path.kmsg={self.nvml.kernel_log.path}",
            "--interval=2s",
        ]
        self._exporter = self._stack.enter_context(
            Process(
                argv,
                name=f"exporter-{self.name}",
                env=self.nvml.environment,
                log=self._logs / f"exporter-{self.name}.log",
            )
        )

    def stop_exporter(self) -> None:
        """End the exporter, as a crash or a lost node would."""
        if self._exporter is not None:
            self._exporter.kill()
            self._exporter = None

    def steer(self, part: str, words: Sequence[str]) -> None:
        """Do as `python -m testbed.nvml` does, or testbed.sysfs; ProgramError: it refuses."""
        where = {NVML: self.nvml.control, SYSFS: self.sysfs.root}[part]
        argv = [sys.executable, "-m", f"testbed.{part}", str(where), *words]
        done = subprocess.run(argv, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise ProgramError(done.stderr.partition("error: ")[2] or done.stderr)

    def lose(self, gpu: int) -> None:
        """Let a GPU fall off the bus: Xid 79, and every later call says that it is lost."""
        self.nvml.lose(gpu)

    def flap(self, port: int, times: int) -> str:
        """Let a port lose its link so many times, as its own counter tells; return its name."""
        device = self.sysfs.devices[port]
        self.sysfs.add(device, 1, "link_downed", times)
        return device

    def reboot(self) -> None:
        """Repair by reboot: new boot id, counters at zero, every GPU back, a new exporter."""
        self.stop_exporter()
        self.nvml.reboot()
        self.sysfs.reboot()
        self.start_exporter()
