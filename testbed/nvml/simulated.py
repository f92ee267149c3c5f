"""A node's GPUs as NVML shows them, steered while programs use the library."""

import difflib
import fnmatch
import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self

from testbed.directories import private_directory
from testbed.fuse import StuckMount
from testbed.kernel_log import SimulatedKernelLog
from testbed.nvml import control, library, state
from testbed.nvml.layout import ERROR, GPUS, HANG, SLOW, STICK, STUCK, Control, Gpu, Node
from testbed.nvml.profiles import CUDA, DRIVER, PROFILES, XID

PATH_VARIABLE = "RAILWATCH_NVML_CONTROL"
"""Where the library finds its control file."""

FELL_OFF_BUS = 79
EVERY_CALL = "*"

PARTS = ("field/", "gpm/")
"""A field value or a GPM metric has an error of its own: field/230 may fail, its call does not."""


class SimulatedNvml:
    """A simulated NVML library, the driver's lines in the kernel's log, and the way to steer both.

    A program uses it with `environment` laid over its own and, unless it looks for the library by
    name, with the path `library`. GPUs are meant by slot, 0 to `gpus - 1`; a slot keeps its number
    when another card is taken away, an NVML index does not.
    """

    def __init__(self, *, gpus: int = 8, seed: str = "node-1", profile: str = "H100") -> None:
        """Describe a node; UUIDs and serials follow from `seed`, so give each node its own."""
        if not 0 <= gpus <= GPUS:
            raise ValueError(f"gpus={gpus}: a node has 0 to {GPUS}")
        if len(seed.encode()) >= Node.seed.size:
            raise ValueError(f"seed={seed!r}: expected less than {Node.seed.size} bytes")
        if profile not in PROFILES:
            raise ValueError(f"no profile {profile!r}: expected one of {', '.join(PROFILES)}")
        self.gpus = gpus
        self._seed = seed
        self._profile = profile
        self._stack = ExitStack()
        self._control: Path | None = None
        self._stuck: StuckMount | None = None

    @classmethod
    def attach(cls, path: Path) -> Self:
        """Return a handle for steering a simulation that another process has opened."""
        node = control.read(path).node
        seed, profile = node.seed.decode(), node.profile.decode()
        attached = cls(gpus=node.gpu_count, seed=seed, profile=profile)
        attached._control = path.resolve()
        return attached

    def open(self) -> Self:
        """Compile the library where needed and create the control file."""
        library.build()
        with ExitStack() as stack:
            self._control = stack.enter_context(private_directory("nvml")) / "control"
            self.show_library()
            control.write(self._control, self._healthy())
            self.kernel_log.reboot()
            self._stack = stack.pop_all()
        return self

    def close(self) -> None:
        """Remove the control file: to a program still running, the driver is unloaded."""
        self._stack.close()
        self._stuck = None

    def __enter__(self) -> Self:
        return self.open()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    @property
    def control(self) -> Path:
        """The control file, by which another process can steer."""
        if self._control is None:
            raise RuntimeError("the simulated NVML is not open")
        return self._control

    @property
    def kernel_log(self) -> SimulatedKernelLog:
        """The node's kernel log, to which the driver writes each Xid as well."""
        return SimulatedKernelLog(self.control.with_name("kmsg"))

    @property
    def library(self) -> Path:
        """The simulated libnvidia-ml.so.1: this node's own link to it."""
        return self.control.with_name(library.NAME)

    def hide_library(self) -> None:
        """Take the library's file away, as an upgrade of the driver does; who has it keeps it."""
        self.library.unlink()

    def show_library(self) -> None:
        """Put the library's file in its place."""
        self.library.symlink_to(library.build())

    @property
    def environment(self) -> dict[str, str]:
        """What a program needs in its environment, to find the library by name as well."""
        searched = (str(self.library.parent), os.environ.get("LD_LIBRARY_PATH", ""))
        path = os.pathsep.join(filter(None, searched))
        return {PATH_VARIABLE: str(self.control), "LD_LIBRARY_PATH": path}

    def uuid(self, gpu: int) -> str:
        """Return the UUID of the card in a slot."""
        return str(self.get(gpu, "uuid"))

    def slot(self, gpu: int) -> str:
        """Return the PCI function of a slot."""
        return f"{self.get(gpu, 'pci_domain'):04x}:{self.get(gpu, 'pci_bus'):02x}:00.0"

    def get(self, gpu: int, field: str) -> int | str:
        """Return a field of a GPU (`state.FIELDS`), in the unit that NVML reports it in."""
        return state.get(self._gpu(control.read(self.control), gpu), field)

    def set(self, gpu: int, **values: int | str) -> None:
        """Set fields of a GPU, all in one step, in NVML's own units.

        Bytes, percent, °C, milliwatts, millijoules, MHz. A volatile ECC counter that rises takes
        its aggregate along; energy goes on rising with the power.
        """
        with control.change(self.control) as changed:
            state.assign(self._gpu(changed, gpu), values)

    def set_link(self, gpu: int, link: int | None = None, **values: int) -> None:
        """Set numbers of an NVLink (`links.LINK`), in NVML's own units; without one, of all."""
        with control.change(self.control) as changed:
            state.set_link(self._gpu(changed, gpu), link, values)

    @contextmanager
    def card(self, gpu: int) -> Iterator[Gpu]:
        """Yield a GPU's record, for `state` and `modes` to change: all in one step, at the end."""
        with control.change(self.control) as changed:
            yield self._gpu(changed, gpu)

    def xid(self, gpu: int, code: int) -> None:
        """Report an Xid to all who registered for them; nothing else happens to the GPU."""
        self.event(gpu, XID, code)

    def event(self, gpu: int, kind: int, data: int = 0) -> None:
        """Report an event of one of NVML's types (nvmlEventType…); an Xid is logged too."""
        with control.change(self.control) as changed:
            self._gpu(changed, gpu)
            if kind == XID:
                self._log(gpu, data)
            state.append(changed, gpu, kind, data)

    def lose(self, gpu: int, *, xid: int | None = FELL_OFF_BUS) -> None:
        """Let a GPU fall off the bus: it is still counted, but no longer answers; an Xid tells."""
        with control.change(self.control) as changed:
            self._gpu(changed, gpu).lost = 1
            if xid is not None:
                self._log(gpu, xid)
                state.append(changed, gpu, XID, xid)

    def hang(self, gpu: int | None = None, *, call: str = EVERY_CALL) -> None:
        """Let calls of this name (a shell pattern) not return until the GPU is recovered.

        Without a GPU it is the driver that hangs: for every GPU, and for calls that name none.
        """
        self._rule(gpu, call, HANG, 0)

    def stick(self, gpu: int | None = None, *, call: str = EVERY_CALL) -> None:
        """Let calls hang as by `hang`, and their callers be in true uninterruptible sleep.

        Nothing kills a caller then until `recover`. Only who opened the simulation can do this.
        """
        if self._stuck is None:
            self._stuck = self._stack.enter_context(StuckMount(self.control.with_name(STUCK)))
        self._stuck.hold(_file(gpu))
        self._rule(gpu, call, STICK, 0)

    def slow(self, gpu: int | None = None, *, call: str = EVERY_CALL, milliseconds: int) -> None:
        """Let calls of this name take so much longer."""
        self._rule(gpu, call, SLOW, milliseconds)

    def fail(self, gpu: int | None = None, *, call: str = EVERY_CALL, error: int) -> None:
        """Let calls of this name return an error (NVML_ERROR_… as a number)."""
        self._rule(gpu, call, ERROR, error)

    def recover(self, gpu: int | None = None) -> None:
        """End what keeps a GPU from answering, or without one the driver."""
        with control.change(self.control) as changed:
            state.clear_rules(self._steered(changed, gpu))
            if gpu is not None:
                changed.gpus[gpu].lost = 0
                changed.node.present |= 1 << gpu
        if self._stuck is not None:
            self._stuck.release(_file(gpu))

    def remove(self, gpu: int) -> None:
        """Take a card away: it is no longer counted, and the indices of those after it move."""
        with control.change(self.control) as changed:
            self._gpu(changed, gpu)
            changed.node.present &= ~(1 << gpu)

    def replace(self, gpu: int) -> None:
        """Put another healthy card in the slot, with a UUID of its own."""
        with control.change(self.control) as changed:
            old = self._gpu(changed, gpu).uuid.decode()
            changed.gpus[gpu] = self._card(gpu, predecessor=old)
            changed.node.present |= 1 << gpu

    def reset(self, gpu: int) -> None:
        """Reset a GPU: volatile ECC counters and the recovery action go to zero."""
        with control.change(self.control) as changed:
            state.reset(self._gpu(changed, gpu))

    def reboot(self) -> None:
        """Boot the node again: all healthy, counters from zero, no event left from before.

        A card that was removed stays away.
        """
        self.kernel_log.reboot()
        with control.change(self.control) as changed:
            state.clear_rules(changed.node)
            changed.events = state.cleared_events()
            for gpu in changed.gpus[: self.gpus]:
                state.boot(gpu)

    def _log(self, gpu: int, code: int) -> None:
        self.kernel_log.name(self.slot(gpu), self.uuid(gpu))
        self.kernel_log.xid(self.slot(gpu), code)

    def _gpu(self, of: Control, gpu: int) -> Gpu:
        if not 0 <= gpu < self.gpus:
            raise ValueError(f"no GPU {gpu}: this node has {self.gpus}")
        found: Gpu = of.gpus[gpu]
        return found

    def _steered(self, of: Control, gpu: int | None) -> Gpu | Node:
        node: Node = of.node
        return node if gpu is None else self._gpu(of, gpu)

    def _rule(self, gpu: int | None, call: str, kind: int, value: int) -> None:
        if not fnmatch.filter(library.calls(), call) and not call.startswith(PARTS):
            near = ", ".join(difflib.get_close_matches(call, library.calls()))
            raise ValueError(f"the simulated NVML has no call {call!r}; nearest: {near}")
        with control.change(self.control) as changed:
            state.add_rule(self._steered(changed, gpu), call, kind, value)

    def _healthy(self) -> Control:
        node = Node(
            gpu_count=self.gpus,
            present=(1 << self.gpus) - 1,
            cuda_version=CUDA,
            driver_version=DRIVER.encode(),
            nvml_version=f"13.{DRIVER}".encode(),
            seed=self._seed.encode(),
            profile=self._profile.encode(),
        )
        made = Control(node=node)
        for gpu in range(self.gpus):
            made.gpus[gpu] = self._card(gpu)
        return made

    def _card(self, gpu: int, predecessor: str = "") -> Gpu:
        profile = PROFILES[self._profile]
        return state.card(profile, seed=self._seed, gpu=gpu, predecessor=predecessor)


def _file(gpu: int | None) -> str:
    """Return what a call that sticks opens, as `stick` in control.c names it."""
    return f"gpu-{GPUS if gpu is None else gpu}"
