"""Ports for servers that will be stopped and started again on the same one."""

import random
import socket
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

_WANTED = range(20_000, 30_000)
"""Below Linux' ephemeral ports, above the well-known ones, beside Kubernetes' node ports."""

_TRIES = 200
_LISTEN = "0A"
"""TCP_LISTEN as net/tcp writes it."""

_EPHEMERAL = Path("/proc/sys/net/ipv4/ip_local_port_range")


def free_port() -> int:
    """Return a port of 127.0.0.1 that nothing listens on now.

    It is no ephemeral port: those can be taken by any outgoing connection while our server is
    down, even by a client's own attempt to reach it, which then talks to itself.
    """
    low, high = (int(bound) for bound in _EPHEMERAL.read_text(encoding="ascii").split())
    for port in random.SystemRandom().sample(_WANTED, _TRIES):
        if not low <= port <= high and _is_free(port):
            return port
    return _ephemeral()


def is_served_by(pid: int, port: int) -> bool:
    """Whether this very process listens on a TCP port (Linux' proc(5): net/tcp, fd)."""
    wanted = {f"socket:[{inode}]" for inode in _listening(pid, port)}
    return bool(wanted) and any(_target(fd) in wanted for fd in _children(f"/proc/{pid}/fd"))


def _listening(pid: int, port: int) -> Iterator[str]:
    """Yield the inodes of the sockets that listen on a port in the process' network namespace."""
    for table in ("tcp", "tcp6"):
        with suppress(OSError):  # no such process, or no IPv6
            lines = Path(f"/proc/{pid}/net/{table}").read_text(encoding="ascii").splitlines()[1:]
            for _, local, _, state, *_, inode in (_columns(line) for line in lines):
                if state == _LISTEN and int(local.rpartition(":")[2], 16) == port:
                    yield inode


def _columns(line: str) -> list[str]:
    """Return a line's columns up to the inode, its tenth."""
    return line.split()[:10]


def _children(folder: str) -> list[Path]:
    try:
        return list(Path(folder).iterdir())
    except OSError:
        return []


def _target(link: Path) -> str:
    try:
        return str(link.readlink())
    except OSError:
        return ""


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def _ephemeral() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port
