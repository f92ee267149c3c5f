"""What all servers have in common: a private directory, ports of their own, real readiness."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import ClassVar, Self

from testbed.directories import private_directory
from testbed.ports import free_port, is_served_by
from testbed.processes import Process, ProcessError
from testbed.tools import ensure
from testbed.waiting import PATIENCE

_PORT_TAKEN = "address already in use"
_TRIES = 3


class Server(ABC):
    """One real server: `with` starts it, waits until it is ready, and leaves nothing behind."""

    program: ClassVar[str]
    """The tool that it runs."""
    port_count: ClassVar[int] = 1
    patience: ClassVar[float] = 120.0
    """Seconds to become ready on a machine that does much else."""
    grace: ClassVar[float] = PATIENCE
    """Seconds to end by itself when it is stopped."""

    def __init__(self, *, flags: Sequence[str] = (), logs: Path | None = None) -> None:
        """Prepare a server; `flags` come after its own.

        `logs` is a folder to leave its log in, as PROGRAM.log: one server of a kind a folder.
        """
        self.flags = tuple(flags)
        self.ports: tuple[int, ...] = ()
        self._logs = logs
        self._directory: Path | None = None
        self._process: Process | None = None
        self._stack = ExitStack()

    @abstractmethod
    def arguments(self) -> list[str]:
        """Return the command line, for the directory and ports it was given."""

    @abstractmethod
    def is_ready(self) -> bool:
        """Whether it does its work now; asked again and again until it does."""

    def prepare(self) -> None:  # noqa: B027 - most servers read no files of ours
        """Write the files that it reads; the directory is there, the ports are not chosen."""

    @property
    def directory(self) -> Path:
        """Its private directory, there from `with` to the end."""
        assert self._directory is not None, f"{self.program} is not started"
        return self._directory

    @property
    def port(self) -> int:
        """The port it serves on; the same after a stop and a start."""
        return self.ports[0]

    @property
    def url(self) -> str:
        """Where it serves."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def process(self) -> Process:
        """Its process."""
        assert self._process is not None, f"{self.program} is not started"
        return self._process

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            self._directory = stack.enter_context(private_directory(self.program))
            self.prepare()
            stack.callback(self.kill)
            self._start_on_free_ports()
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._stack.close()

    def _start_on_free_ports(self) -> None:
        """Start it; where another took a port between our look and its bind, on other ports."""
        program = ensure(self.program)[self.program]
        log = (self._logs or self.directory) / f"{self.program}.log"
        log.parent.mkdir(parents=True, exist_ok=True)
        for tries_left in reversed(range(_TRIES)):
            log.unlink(missing_ok=True)
            self.ports = tuple(free_port() for _ in range(self.port_count))
            argv: list[str | Path] = [program, *self.arguments(), *self.flags]
            self._process = Process(argv, name=self.program, cwd=self.directory, log=log)
            try:
                self.start()
            except ProcessError as error:
                self.kill()
                if not (tries_left and _PORT_TAKEN in str(error)):
                    raise
            else:
                return

    def start(self) -> None:
        """Start it on its ports and data, and wait until it is ready."""
        self.process.start()
        self.process.await_ready(self._serves, within=self.patience)

    def _serves(self) -> bool:
        """Whether it is ready and it is it: on a taken port, another would answer for it."""
        return is_served_by(self.process.pid, self.port) and self.is_ready()

    def stop(self) -> None:
        """End it as its operator would; ports and data stay for the next start."""
        self.process.stop(self.grace)

    def kill(self) -> None:
        """End it as a crash would; ports and data stay for the next start."""
        if self._process is not None:
            self._process.kill()

    def pause(self) -> None:
        """Freeze it: connections are accepted and nothing is answered."""
        self.process.pause()

    def resume(self) -> None:
        """Let a paused one go on."""
        self.process.resume()
