"""Compiling the simulated `libnvidia-ml.so.1`, against NVIDIA's own header."""

import hashlib
import re
import shutil
import subprocess
import sysconfig
import tempfile
from functools import cache
from pathlib import Path

from program.errors import ProgramError
from testbed.nvml import layout

NAME = "libnvidia-ml.so.1"

_SOURCE = Path(__file__).parent / "source"
_CACHE = Path(__file__).parents[2] / "build" / "nvml"
_LAYOUT = "control_layout.h"
_FLAGS = (
    "-std=c11", "-D_GNU_SOURCE", "-O2", "-Wall", "-Wextra", "-Wconversion", "-Wpedantic", "-Werror",
    "-fPIC", "-fvisibility=hidden", "-shared", "-pthread", f"-Wl,-soname,{NAME}", "-Wl,-z,defs",
)  # fmt: skip
_CALL = re.compile(r"^(?:nvmlReturn_t |NODE_[A-Z]+\(|GPU_[A-Z]+\()(nvml\w+)", re.MULTILINE)


class LibraryError(ProgramError):
    """The library cannot be built; the message names what is missing and how to get it."""


@cache
def build() -> Path:
    """Return the compiled library, from the cache unless a source, the header or a flag changed.

    Takes under a second. Builders do not collide: each compiles beside and renames.
    """
    header = _header()
    made = _CACHE / _digest(header) / NAME
    if not made.exists():
        _compile(header, made)
    return made


@cache
def calls() -> frozenset[str]:
    """Return the names of the NVML functions that the library has and that rules can steer."""
    return frozenset(name for source in _sources() for name in _CALL.findall(source.read_text()))


def _sources() -> list[Path]:
    return sorted(_SOURCE.glob("*.c"))


def _header() -> Path:
    packages = Path(sysconfig.get_path("purelib")) / "nvidia"
    found = sorted(packages.glob("*/include/nvml.h"))
    if not found:
        raise LibraryError(f"no nvml.h under {packages}: pip install nvidia-nvml-dev")
    return found[-1]


def _digest(header: Path) -> str:
    digest = hashlib.sha256(" ".join((*_FLAGS, layout.c_header())).encode())
    for path in (header, *sorted(_SOURCE.iterdir())):
        digest.update(path.name.encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()[:16]


def _compile(header: Path, made: Path) -> None:
    compiler = shutil.which("gcc") or shutil.which("cc")
    if compiler is None:
        raise LibraryError("gcc is not installed; on Debian and Ubuntu: apt install gcc libc6-dev")
    made.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=made.parent) as work:
        Path(work, _LAYOUT).write_text(layout.c_header(), encoding="ascii")
        places = ("-isystem", header.parent, "-I", work, "-I", _SOURCE)
        argv: tuple[str | Path, ...] = (compiler, *_FLAGS, *places, *_sources())
        done = subprocess.run(
            (*argv, "-o", Path(work, NAME)), capture_output=True, text=True, check=False
        )
        if done.returncode != 0:
            raise LibraryError(f"{compiler} failed on {_SOURCE}: {done.stderr.strip()}")
        Path(work, NAME).rename(made)
