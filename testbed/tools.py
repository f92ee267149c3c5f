"""The real servers and checkers: found on PATH, or built once from their pinned Go modules.

python -m testbed.tools [NAME…]    build what is missing
python -m testbed.tools --list     say where each comes from
"""

import fcntl
import os
import shutil
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from program.errors import ProgramError, run
from program.flags import parser
from testbed import operator
from testbed.golang import find_go
from testbed.pins import TOOLS, Tool, Workshop
from testbed.processes import Process


def ensure(*names: str, workshop: Workshop | None = None) -> dict[str, Path]:
    """Return the programs of these names, building what is missing.

    ProgramError: an unknown name, a compiler that is missing, a build that fails.
    """
    shop = workshop or Workshop()
    tools = named(names)
    missing = [tool for tool in tools if shop.find(tool) is None]
    if missing:
        require("gcc", "git")
        with _alone(shop.kept):
            for tool in missing:
                _build(tool, shop)
    return {tool.name: _found(shop, tool) for tool in tools}


def named(names: Iterable[str]) -> list[Tool]:
    """Return the tools of these names; ProgramError where one is unknown."""
    asked = list(names)
    unknown = [name for name in asked if name not in TOOLS]
    if unknown:
        raise ProgramError(f"no tool is called {unknown[0]!r}; there are {', '.join(TOOLS)}")
    return [TOOLS[name] for name in asked]


def require(*commands: str) -> None:
    """Raise a ProgramError that names the system packages of commands that are missing."""
    missing = [command for command in commands if shutil.which(command) is None]
    if missing:
        names = " ".join(missing)
        raise ProgramError(f"{' and '.join(missing)} missing: sudo apt-get install {names}")


def _found(shop: Workshop, tool: Tool) -> Path:
    path = shop.find(tool)
    assert path is not None, f"{tool.name} was built and is not there"
    return path


@contextmanager
def _alone(kept: Path) -> Iterator[None]:
    """Hold the lock of the one who builds, waiting for another's builds to end."""
    kept.mkdir(parents=True, exist_ok=True)
    with (kept / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            _say("waiting for another build of the tools to end …\n")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _build(tool: Tool, shop: Workshop) -> None:
    """Build one tool into a file of another name, then give it its own; call it alone."""
    place = shop.built(tool)
    if place.exists():
        return
    go = find_go(shop.go_needed(tool), shop.kept)
    place.parent.mkdir(exist_ok=True)
    begun = place.with_name(f".{tool.name}.begun")
    started = time.monotonic()
    what = f"building {tool.name} {shop.version(tool)} (about {tool.cold_build} the first time)"
    with Process(
        [go.program, "build", "-trimpath", "-buildvcs=false", "-tags", tool.tags,
         "-ldflags", shop.linked(tool), "-o", begun, tool.module + tool.package],
        name=f"go-build-{tool.name}",
        env=go.environment,
        cwd=shop.pins / tool.folder,
    ) as compiler:  # fmt: skip
        _show_progress(compiler, what)
        if compiler.wait(timeout=10) != 0:
            raise compiler.failure(f"(in tools/{tool.folder}) failed")
    _keep(begun, place, tool)
    _say(f"{what}: done in {time.monotonic() - started:.0f} s\n")


def _show_progress(compiler: Process, what: str) -> None:
    live = sys.stderr.isatty()
    _say(f"{what} …" + ("" if live else "\n"))
    started = time.monotonic()
    while compiler.running:
        if live:
            _say(f"\r{what} … {time.monotonic() - started:.0f} s")
        time.sleep(0.2)
    if live:
        _say("\r\x1b[K")


def _keep(begun: Path, place: Path, tool: Tool) -> None:
    """Put a finished build in its place, and drop the builds of older pins."""
    with begun.open("rb") as written:
        os.fsync(written.fileno())
    begun.replace(place)
    for older in place.parent.glob(f"{tool.name}-" + "[0-9a-f]" * 16):
        if older != place:
            older.unlink()
    shortcut = place.parent.parent / "bin" / tool.name
    shortcut.parent.mkdir(exist_ok=True)
    shortcut.unlink(missing_ok=True)
    shortcut.symlink_to(Path("..") / place.parent.name / place.name)


def _say(text: str) -> None:
    sys.stderr.write(text)
    sys.stderr.flush()


def main(argv: Sequence[str] | None = None) -> int:
    """Build the named tools, or all of them; `--list` only tells."""
    options = parser("python -m testbed.tools", "Build the real servers that the tests start.")
    options.add_argument("names", nargs="*", metavar="NAME", help="tools to build (default: all)")
    options.add_argument("--list", action="store_true", help="say where each tool comes from")
    asked = options.parse_args(argv)
    tools = named(asked.names or TOOLS)
    if not asked.list:
        ensure(*(tool.name for tool in tools))
    if not asked.names and not asked.list:
        operator.module()
    shop = Workshop()
    for tool in tools:
        print(f"{tool.name:24} {shop.version(tool):8} {shop.find(tool) or 'not built'}")
    return 0


if __name__ == "__main__":
    sys.exit(run("testbed.tools", main))
