"""The zygote: a single-threaded process that forks the workers and reaps them.

It is forked before the program has any thread, because a fork from a threaded process can leave a
lock held for ever in the child; and after the command line was read, but before the program imports
what it alone needs, so that what both need is there once and the workers carry no more. It imports
what the workers need once, so that they share it. It touches no hardware and never waits for
anything but an order or a death.

Everything ends with the program, also when that is killed: the kernel ends the zygote with the
program's main thread, and the workers with the zygote.
"""

import contextlib
import ctypes
import gc
import importlib
import json
import os
import select
import signal
import socket
import time
import traceback
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NoReturn

from exporters import footprint, runtime
from exporters.settings import Settings

_PR_SET_PDEATHSIG = 1
_PR_SET_NAME = 15
_MESSAGE = 1 << 16
_END_WITHIN = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """A worker that is no more."""

    worker: int
    how: str


class ZygoteGoneError(Exception):
    """The zygote has ended, and all workers with it."""


class Zygote:
    """The program's side: gives orders, hears of deaths."""

    def __init__(self, settings: Settings, modules: Mapping[str, str]) -> None:
        """Fork the zygote; call from the main thread, before there is any other.

        `modules` names the worker module of each family that is read.
        """
        self.socket, far = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        program = os.getpid()
        footprint.settle()
        self.pid = os.fork()
        if self.pid == 0:
            self.socket.close()
            _live(far, program, settings, modules)
        far.close()
        self.socket.settimeout(0)
        self._last = 0

    def start(self, family: str, target: Mapping[str, str | int]) -> tuple[int, socket.socket]:
        """Have a worker forked; return its number and the socket to it."""
        self._last += 1
        near, far = socket.socketpair()
        near.settimeout(0)
        with far:
            order = {"start": self._last, "family": family, "target": dict(target)}
            self._send(order, far.fileno())
        return self._last, near

    def kill(self, worker: int, number: signal.Signals) -> None:
        """Send a signal to a worker; nothing where it has been reaped."""
        self._send({"kill": worker, "signal": int(number)})

    def _send(self, order: Mapping[str, Any], *descriptors: int) -> None:
        try:
            socket.send_fds(self.socket, [json.dumps(order).encode()], list(descriptors))
        except OSError as error:
            raise ZygoteGoneError(f"the process that holds the workers is gone: {error}") from None

    def deaths(self) -> Iterator[Ended]:
        """Yield the workers reaped since the last call; ZygoteGoneError where the zygote is."""
        while True:
            try:
                message = self.socket.recv(_MESSAGE)
            except BlockingIOError:
                return
            except OSError:
                message = b""
            if not message:
                raise ZygoteGoneError("the process that holds the workers is gone")
            yield Ended(**json.loads(message))

    def stop(self) -> None:
        """End the zygote and every worker that can be ended."""
        self.socket.close()
        deadline = time.monotonic() + _END_WITHIN + 1
        while os.waitpid(self.pid, os.WNOHANG) == (0, 0):
            if time.monotonic() > deadline:
                os.kill(self.pid, signal.SIGKILL)
                os.waitpid(self.pid, 0)
                return
            time.sleep(0.005)


_c = ctypes.CDLL(None)  # once: each worker that made its own would write on shared pages


def _prctl(option: int, value: int | bytes) -> None:
    _c.prctl(option, value, 0, 0, 0)


def _bind_to(parent: int) -> None:
    """End with the process that forked this one, also where that has already ended."""
    _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(0)


def _live(
    control: socket.socket, program: int, settings: Settings, modules: Mapping[str, str]
) -> NoReturn:
    try:
        gc.disable()
        _bind_to(program)
        _prctl(_PR_SET_NAME, b"rw-zygote")
        _Nursery(control, settings, modules).serve()
    except Exception:  # noqa: BLE001 - its last words; the program will say that it is gone
        traceback.print_exc()
    finally:
        os._exit(0)


class _Nursery:
    """The zygote's own side."""

    def __init__(
        self, control: socket.socket, settings: Settings, modules: Mapping[str, str]
    ) -> None:
        self._control = control
        self._settings = settings
        self._modules = {family: importlib.import_module(m) for family, m in modules.items()}
        self._workers: dict[int, int] = {}
        """Process id → worker's number."""
        self._alarm, self._alarm_end = socket.socketpair()
        self._alarm.settimeout(0)
        self._alarm_end.settimeout(0)
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.SIG_IGN)
        signal.set_wakeup_fd(self._alarm_end.fileno())
        signal.signal(signal.SIGCHLD, lambda _number, _frame: None)
        footprint.settle()

    def serve(self) -> None:
        """Obey until the program is gone, then end all workers."""
        while True:
            ready, _, _ = select.select([self._control, self._alarm], [], [])
            if self._alarm in ready:
                self._alarm.recv(_MESSAGE)
                self._reap()
            if self._control in ready and not self._obey():
                break
        self._end_all()

    def _obey(self) -> bool:
        try:
            message, descriptors, _, _ = socket.recv_fds(self._control, _MESSAGE, 1)
        except ConnectionError:  # the program left without hearing of every death
            return False
        if not message:
            return False
        order = json.loads(message)
        if "start" in order:
            self._fork(order, socket.socket(fileno=descriptors[0]))
        else:
            for pid, worker in self._workers.items():
                if worker == order["kill"]:
                    os.kill(pid, order["signal"])
        return True

    def _fork(self, order: Mapping[str, Any], channel: socket.socket) -> None:
        zygote = os.getpid()
        try:
            pid = os.fork()
        except OSError as error:
            channel.close()
            self._tell(order["start"], f"cannot fork: {error.strerror}")
            return
        if pid == 0:
            self._become_worker(zygote, order, channel)
        channel.close()
        self._workers[pid] = order["start"]

    def _become_worker(
        self, zygote: int, order: Mapping[str, Any], channel: socket.socket
    ) -> NoReturn:
        try:
            gc.enable()  # of what it makes itself; what it shares is frozen
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
            _bind_to(zygote)
            _prctl(_PR_SET_NAME, f"rw-{order['family']}".encode()[:15])
            for inherited in (self._control, self._alarm, self._alarm_end):
                inherited.close()
            attach = self._modules[order["family"]].attach
            runtime.work(channel, lambda: attach(self._settings, order["target"]))
        finally:
            os._exit(0)

    def _reap(self) -> None:
        while self._workers:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if pid == 0:
                return
            self._tell(self._workers.pop(pid), _how(status))

    def _tell(self, worker: int, how: str) -> None:
        with contextlib.suppress(OSError):
            self._control.send(json.dumps({"worker": worker, "how": how}).encode())

    def _end_all(self) -> None:
        """Kill and reap; what does not die within the limit is caught in the kernel."""
        for pid in self._workers:
            os.kill(pid, signal.SIGKILL)
        deadline = time.monotonic() + _END_WITHIN
        while self._workers and time.monotonic() < deadline:
            self._reap()
            time.sleep(0.005)


def _how(status: int) -> str:
    code = os.waitstatus_to_exitcode(status)
    if code >= 0:
        return f"exit code {code}"
    return signal.strsignal(-code) or f"signal {-code}"
