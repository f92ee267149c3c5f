"""The root filesystem and environment that stand for the programs' images.

This machine's /usr, Python's own folder and the checkout with its virtual environment, read-only,
in the place of Python's image and /opt/railwatch. User and environment are deploy/Containerfile's.
"""

import sys
from pathlib import Path

from testbed.tools import ensure

ROOT = Path(__file__).resolve().parents[2]
USER = 65532
"""Also its group."""

_SYSTEM = ("/usr", "/bin", "/sbin", "/lib", "/lib64", "/etc/ld.so.cache", "/etc/localtime")
_DEVICES = ("null", "zero", "full", "random", "urandom")
_TOOLS = "/opt/kubernetes"
_MADE = ("proc", "sys", "tmp", "dev/shm", "etc", "root", "run", "var/run", "var/lib")


def environment() -> dict[str, str]:
    """Return what the images' ENV says."""
    path = f"{sys.prefix}/bin:{_TOOLS}:/usr/local/bin:/usr/bin:/bin"
    return {"PATH": path, "PYTHONDONTWRITEBYTECODE": "1", "HOME": "/"}


def commands(root: str) -> list[list[str]]:
    """Return the commands that make an image's files in an empty folder."""
    made = [["mkdir", "-p", *(f"{root}/{folder}" for folder in _MADE)]]
    made.append(["chmod", "1777", f"{root}/tmp", f"{root}/dev/shm"])
    for folder in map(Path, _SYSTEM):
        if folder.is_symlink() and folder.is_dir():
            made.append(["ln", "-s", str(folder.readlink()), f"{root}{folder}"])
        elif folder.exists():
            made += bind(folder, f"{root}{folder}", read_only=True)
    for name, program in ensure("kube-scheduler").items():
        made += bind(program, f"{root}{_TOOLS}/{name}", read_only=True)
    for device in _DEVICES:
        made += bind(Path("/dev") / device, f"{root}/dev/{device}", read_only=False)
    made.append(["mount", "--rbind", "/proc", f"{root}/proc"])
    made.append(["mount", "-t", "sysfs", "-o", "ro", "sysfs", f"{root}/sys"])
    return made


def programs(root: str) -> list[list[str]]:
    """Return the commands that show Python and the checkout, in a root that has its volumes.

    They stand where they stand on this machine, be it in a /tmp that a volume covers; and the
    checkout's parts one by one, as its own folder may be closed to the image's user.
    """
    made = []
    for folder in _folders():
        for part in sorted(folder.iterdir()) if folder == ROOT else [folder]:
            if part.exists():  # an editor's lock is a link to nowhere
                made += bind(part, f"{root}{part}", read_only=True)
    return made


def bind(source: Path, target: str, *, read_only: bool) -> list[list[str]]:
    """Return the commands that show a file or folder at another path."""
    parent = target.rpartition("/")[0]
    empty = ["mkdir", "-p", target] if source.is_dir() else ["touch", target]
    options = ["-o", "ro"] if read_only else []
    return [["mkdir", "-p", parent], empty, ["mount", "--bind", *options, str(source), target]]


def _folders() -> list[Path]:
    """Return Python's folders and ours, less those that another holds."""
    wanted = {ROOT, Path(sys.prefix), Path(sys.base_prefix)}
    held = {Path("/usr"), *wanted}
    return sorted(each for each in wanted if not held & {*each.parents})
