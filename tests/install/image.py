"""The images' recipe, and its steps in a root of their own.

A root has this machine's own system, seen and not written, in the place of the base image's, and a
copy of a Python in /usr/local, where the base image has its. A step runs there as a builder would
run it, word for word. It takes root, and mount namespaces.
"""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
RECIPE = (ROOT / "deploy" / "Containerfile").read_text(encoding="utf-8")
COMMIT = "0123456789ab"

SYSTEM = ("usr", "etc")
LINKS = ("bin", "sbin", "lib", "lib64")
BASE_PATH = "/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
PASSED = re.compile(r"PIP_|SSL_|REQUESTS_|(https?|no)_proxy$", re.IGNORECASE)
"""Of this machine's environment, what pip needs to find and to trust its index."""

_ENTER = """
mount --make-rprivate / && mount --bind "$1" "$1" && cd "$1"
for each in usr etc; do mount --rbind -o ro "/$each" "$each"; mount -o remount,bind,ro "$each"; done
mount --bind "$2" usr/local && mount --rbind /dev dev && mount -t proc proc proc
if [ "$3" = read-only ]; then mount -o remount,bind,ro . && mount -o remount,bind,ro usr/local; fi
exec chroot --userspec="$4" . /usr/bin/env -i -C "$5" "${@:6}"
"""

Step = tuple[str, str]
"""An instruction and its words."""


def stages() -> dict[str, tuple[str, list[Step]]]:
    """Return each stage's base and steps."""
    found: dict[str, tuple[str, list[Step]]] = {}
    text = re.sub(r"\\\n", " ", re.sub(r"(?m)^#.*\n", "", RECIPE))
    steps: list[Step] = []
    for line in filter(None, map(str.strip, text.splitlines())):
        word, rest = line.split(maxsplit=1)
        if word == "FROM":
            base, name = rest.split(" AS ")
            found[name] = base, (steps := [])
        else:
            steps.append((word, rest.strip()))
    return found


def python() -> Path:
    """Return where a Python is: the images' own version, where this machine has it."""
    for program in ("python3.13", sys.executable):
        with suppress(OSError, subprocess.CalledProcessError):
            told = subprocess.run(
                [program, "-c", "import sys; print(sys.base_prefix)"],
                capture_output=True, text=True, check=True,
            )  # fmt: skip
            return Path(told.stdout.strip())
    raise AssertionError("this Python does not start")


class Image:
    """A root, and what the recipe has said of how programs run in it."""

    def __init__(self, folder: Path) -> None:
        """Make a root from a base with Python, and with pip, as Python's own image has it."""
        self.root, self.local = folder / "root", folder / "local"
        self.user, self.where, self.entry = "0:0", "/", [""]
        self.variables = {"PATH": BASE_PATH, "HOME": "/root", "LD_LIBRARY_PATH": "/usr/local/lib"}
        for name in (*SYSTEM, "dev", "opt", "proc", "root", "tmp"):
            (self.root / name).mkdir(parents=True)
        for name in LINKS:
            if Path("/", name).is_symlink():
                (self.root / name).symlink_to(Path("/", name).readlink())
        self._copy_python(python())
        self.run("python -m ensurepip --upgrade >/dev/null && ln -s pip3 /usr/local/bin/pip")

    def _copy_python(self, prefix: Path) -> None:
        (library,) = (prefix / "lib").glob("python3.[0-9]*")
        left = shutil.ignore_patterns("site-packages", "__pycache__", "*test", "tests", "config-*")
        shutil.copytree(library, self.local / "lib" / library.name, ignore=left)
        (self.local / "lib" / library.name / "site-packages").mkdir()
        for shared in (prefix / "lib").glob("libpython*.so*"):
            shutil.copy(shared, self.local / "lib", follow_symlinks=False)
        (self.local / "bin").mkdir()
        shutil.copy(prefix / "bin" / library.name, self.local / "bin" / library.name)
        for name in ("python", "python3"):
            (self.local / "bin" / name).symlink_to(library.name)

    def do(self, stage: str, builder: "Image | None" = None) -> None:
        """Do the steps of a stage, but not those of the stage that it stands on.

        What is copied from another stage comes from `builder`, whatever that did last.
        """
        doers: dict[str, Callable[[str], object]] = {
            "WORKDIR": self._enter,
            "COPY": partial(self._copy, builder),
            "RUN": self.run,
            "ENV": self._set,
            "USER": partial(setattr, self, "user"),
            "ENTRYPOINT": self._end,
        }
        for word, words in stages()[stage][1]:
            if word in doers:
                doers[word](words)

    def _enter(self, words: str) -> None:
        self.where = words
        (self.root / words.lstrip("/")).mkdir(parents=True, exist_ok=True)

    def _end(self, words: str) -> None:
        self.entry = json.loads(words)

    def _copy(self, builder: "Image | None", words: str) -> None:
        *sources, to = words.split()
        if builder and sources[0].startswith("--from="):
            self._take(builder, to)
            return
        for source in sources:
            target = self.root / self.where.lstrip("/") / to
            target = target / Path(source).name if to.endswith("/") else target
            target.parent.mkdir(parents=True, exist_ok=True)
            if (ROOT / source).is_dir():
                shutil.copytree(ROOT / source, target, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                shutil.copy(ROOT / source, target)

    def _take(self, builder: "Image", path: str) -> None:
        target = self.root / path.lstrip("/")
        shutil.rmtree(target, ignore_errors=True)
        shutil.copytree(builder.root / path.lstrip("/"), target, symlinks=True)

    def _set(self, words: str) -> None:
        for pair in shlex.split(words):
            name, _, value = pair.partition("=")
            self.variables[name] = value.replace("$PATH", self.variables["PATH"])

    def run(self, command: str, *, read_only: bool = False) -> subprocess.CompletedProcess[str]:
        """Run a shell's command as the recipe says; its failure is ours."""
        passed = {name: value for name, value in os.environ.items() if PASSED.match(name)}
        said = {**passed, "COMMIT": COMMIT, **self.variables}
        done = subprocess.run(
            ["unshare", "--mount", "bash", "-euc", _ENTER, "enter", self.root, self.local,
             "read-only" if read_only else "", self.user, self.where,
             *(f"{name}={value}" for name, value in said.items()), "sh", "-ec", command],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
        return done


def size(folder: Path) -> int:
    """Return the bytes below a folder."""
    return sum(file.lstat().st_size for file in folder.rglob("*"))
