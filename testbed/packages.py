"""The system packages of tools/apt.txt: which are missing, and their installation where we may.

python -m testbed.packages    install what is missing, or say the command that does
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

from program.errors import run

_LIST = Path(__file__).resolve().parent.parent / "tools" / "apt.txt"
_SYSTEM = ("/usr/local/sbin", "/usr/sbin", "/sbin")
"""Folders that an ordinary user's PATH lacks."""

_PATIENCE = ("-o", "DPkg::Lock::Timeout=120", "-o", "Acquire::http::Timeout=20")
"""Seconds to wait for another apt-get to end, and for a mirror to answer."""

COMMANDS = {
    "ibsim-utils": "ibsim",
    "opensm": "opensm",
    "infiniband-diags": "ibnetdiscover",
    "chromium": "chromium",
    "iproute2": "ip",
    "fuse3": "fusermount3",
}
"""What a package is there for; the command may also come from elsewhere than Debian."""


def listed() -> list[str]:
    """Return the packages of tools/apt.txt."""
    return _LIST.read_text(encoding="ascii").split()


def command(name: str) -> str | None:
    """Return the path of a command, also of one that only root's PATH has."""
    return shutil.which(name, path=os.pathsep.join((os.environ.get("PATH", ""), *_SYSTEM)))


def missing(packages: Iterable[str]) -> list[str]:
    """Return those of the packages whose command is not there."""
    return [package for package in packages if command(COMMANDS[package]) is None]


def remedy(packages: Iterable[str]) -> str:
    """Return the command that installs the packages."""
    return f"sudo apt-get install --no-install-recommends {' '.join(packages)}"


def install(packages: list[str]) -> bool:
    """Install packages as root, or by a sudo that asks nothing; False where that cannot be."""
    rights = _rights()
    if rights is None or shutil.which("apt-get") is None:
        return False
    print(f"setup: Debian packages {' '.join(packages)} …", file=sys.stderr, flush=True)
    apt = [*rights, "env", "DEBIAN_FRONTEND=noninteractive", "apt-get", *_PATIENCE]
    get = [*apt, "install", "--yes", "--no-install-recommends", *packages]
    if _ran(get):
        return True
    return _ran([*apt, "update"]) and _ran(get)  # its lists may be old, or not there yet


def _ran(command_line: list[str]) -> bool:
    done = subprocess.run(command_line, stdin=subprocess.DEVNULL, capture_output=True, check=False)
    return done.returncode == 0


def _rights() -> list[str] | None:
    """Return what goes before a command that only root may run; None where we may not."""
    if os.geteuid() == 0:
        return []
    sudo = shutil.which("sudo")
    return (
        [sudo, "--non-interactive"] if sudo and _ran([sudo, "--non-interactive", "true"]) else None
    )


def main() -> int:
    """Install what is missing; never fail, as only some tests need it."""
    lacking = missing(listed())
    if lacking and not (install(lacking) and not missing(lacking)):
        print(
            f"setup: some tests will be skipped without {' '.join(lacking)}; install with:\n"
            f"  {remedy(lacking)}",
            file=sys.stderr,
        )
    return 0


if __name__ == "__main__":
    sys.exit(run("testbed.packages", main))
