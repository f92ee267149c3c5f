"""A unit's ExecStart under what of its sandbox can be had without systemd.

unshare --mount python -m tests.install.sandbox UNIT SHOWN…    becomes the unit's program

Reproduced: ProtectSystem=strict, ProtectHome, PrivateTmp, ProtectKernelTunables,
ProtectControlGroups and StateDirectory as mounts; UMask; CapabilityBoundingSet and NoNewPrivileges
by setpriv; SystemCallFilter, SystemCallErrorNumber and RestrictAddressFamilies by libseccomp, from
systemd's own list. Not reproduced: MemoryMax, ProtectProc, ProtectHostname, LockPersonality,
SystemCallArchitectures, and what is restricted of namespaces, real-time priorities and SUID bits.

SHOWN are folders that stay to be seen and written, though they lie in what is hidden: the simulated
hardware. It must run as root, in a mount namespace of its own.
"""

import ctypes
import errno
import os
import socket
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

from tests.install.units import settings

ROOT = Path(__file__).resolve().parents[2]
INSTALLED = Path("/opt/railwatch")
STATE = Path("/var/lib")

HIDDEN = ("/home", "/root", "/run/user", "/tmp", "/var/tmp", "/opt", str(STATE))
API = ("/dev", "/proc")
"""What ProtectSystem=strict leaves as it is, beside /sys, which ProtectKernelTunables takes."""
TUNABLES = "/proc/sys"

_ALLOW = 0x7FFF0000
_REFUSE = 0x00050000
_EQUAL = 4
_UNKNOWN = -1


class _Argument(ctypes.Structure):
    """libseccomp's scmp_arg_cmp."""

    _fields_ = [
        ("arg", ctypes.c_uint),
        ("op", ctypes.c_int),
        ("first", ctypes.c_uint64),
        ("second", ctypes.c_uint64),
    ]


def main(unit: Path, *shown: str) -> None:
    """Become the unit's program."""
    said = dict(settings(unit))
    state = [STATE / name for name in said.get("StateDirectory", "").split()]
    _mounts([str(ROOT), sys.prefix, sys.base_prefix], shown, state)
    os.umask(int(said["UMask"], 8))
    os.chdir("/")
    _filter(said["SystemCallFilter"].split(), said["RestrictAddressFamilies"].split())
    command = said["ExecStart"].replace("$RAILWATCH_FLAGS", os.environ["RAILWATCH_FLAGS"]).split()
    os.execvp("setpriv", ["setpriv", *_rights(said["CapabilityBoundingSet"].split()), *command])


def _rights(kept: Iterable[str]) -> list[str]:
    names = [f"+{name.removeprefix('CAP_').lower()}" for name in kept]
    return [f"--bounding-set={','.join(['-all', *names])}", "--no-new-privs", "--"]


def _mounts(programs: Iterable[str], shown: Iterable[str], state: Iterable[Path]) -> None:
    _mount("--make-rprivate", "/")
    kept = {path: os.open(path, os.O_PATH) for path in (*programs, *shown)}
    for path in filter(os.path.isdir, HIDDEN):
        _mount("-t", "tmpfs", "tmpfs", path)
    for path, handle in kept.items():
        if not Path(path).exists():
            _bind(f"/proc/{os.getpid()}/fd/{handle}", Path(path))
    _bind(sys.prefix, INSTALLED)
    for folder in state:
        folder.mkdir(mode=0o700)
        _bind(folder, folder)
    _read_only([*shown, "/tmp", "/var/tmp", *map(str, state)])


def _read_only(writable: Iterable[str]) -> None:
    lines = Path("/proc/self/mounts").read_text(encoding="utf-8").splitlines()
    for path in dict.fromkeys(line.split()[1] for line in lines):
        free = path.startswith(tuple(f"{each}/" for each in API)) or path in (*API, *writable)
        if not free and Path(path).exists():  # else it lies under what is hidden
            _mount("-o", "remount,bind,ro", path)
    _mount("--bind", TUNABLES, TUNABLES)
    _mount("-o", "remount,bind,ro", TUNABLES)


def _bind(source: str | Path, target: Path) -> None:
    target.mkdir(parents=True, exist_ok=True)
    _mount("--no-canonicalize", "--bind", source, target)


def _mount(*words: str | Path) -> None:
    subprocess.run(["mount", *words], check=True)


def _filter(names: Iterable[str], families: Iterable[str]) -> None:
    """Refuse with EPERM what systemd's list does not have, and sockets of other families."""
    library = ctypes.CDLL("libseccomp.so.2", use_errno=True)
    library.seccomp_init.restype = ctypes.c_void_p
    context = ctypes.c_void_p(library.seccomp_init(_REFUSE | errno.EPERM))
    for name in set(system_calls(names)) - {"socket"}:
        number = library.seccomp_syscall_resolve_name(name.encode())
        if number != _UNKNOWN:  # a call newer than libseccomp, which systemd passes over too
            _done(library.seccomp_rule_add_array(context, _ALLOW, number, 0, None), name)
    number = library.seccomp_syscall_resolve_name(b"socket")
    for family in families:
        wanted = _Argument(arg=0, op=_EQUAL, first=getattr(socket, family))
        added = library.seccomp_rule_add_array(context, _ALLOW, number, 1, ctypes.byref(wanted))
        _done(added, family)
    _done(library.seccomp_load(context), "seccomp_load")


def _done(result: int, what: str) -> None:
    if result < 0:
        raise OSError(-result, f"{what}: {os.strerror(-result)}")


def system_calls(names: Iterable[str]) -> Iterable[str]:
    """Yield the calls of systemd's sets, which are made of calls and of further sets."""
    for name in names:
        if name.startswith("@"):
            told = subprocess.run(
                ["systemd-analyze", "syscall-filter", name],
                capture_output=True, text=True, check=True,
            ).stdout.split("\n")[1:]  # fmt: skip
            words = [line.strip() for line in told]
            yield from system_calls(word for word in words if word and not word.startswith("#"))
        else:
            yield name


if __name__ == "__main__":
    main(Path(sys.argv[1]), *sys.argv[2:])
