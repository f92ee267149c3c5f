"""A reader's desk: a checkout to run commands in, the programs on PATH, and a cluster."""

import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from testbed.servers import Cluster
from testbed.tools import ensure
from tests.docs.pages import ROOT, page

TOOLS = ("promtool", "amtool", "helm", "kustomize")
PROGRAMS = ("railwatch-bridge", "railwatch-exporter", "railwatch-render", "railwatch-scheduler")
STAND_IN = f"PYTHONPATH={shlex.quote(str(ROOT))} {sys.executable} -m tests.docs.kubectl"


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """A checkout to run commands in, whose build/ is its own, and a cluster to run them against."""

    root: Path
    cluster: Cluster
    environment: Mapping[str, str]

    def run(self, command: str) -> str:
        """Run a command as a reader's shell does; it must succeed."""
        done = subprocess.run(
            ["bash", "-eu", "-o", "pipefail", "-c", command],
            cwd=self.root,
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=240,
        )
        assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
        return done.stdout


def commands(name: str) -> list[str]:
    """Return the commands of a page's sh blocks, a line each, in their order."""
    return [
        line for block in page(name).blocks("sh") for line in block.splitlines() if line.strip()
    ]


@contextmanager
def desk_at(folder: Path, cluster: Cluster) -> Iterator[Desk]:
    """Lay a desk in a folder, with a cluster for as long as it stands."""
    _lay_tools(folder / "bin")
    _lay_checkout(folder / "checkout")
    with cluster:
        home = folder / ".kube"
        home.mkdir()
        (home / "config").symlink_to(cluster.kubeconfig)
        yield Desk(
            root=folder / "checkout",
            cluster=cluster,
            environment={
                **os.environ,
                "PATH": f"{folder / 'bin'}:{os.environ['PATH']}",
                "KUBECONFIG": str(cluster.kubeconfig),
                "HOME": str(folder),  # Helm's and kubectl's caches
                "MAKEFLAGS": "",
                "HELM_BURST_LIMIT": "10000",  # nobody else asks this API server
            },
        )


def _script(path: Path, text: str) -> None:
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)


def _lay_tools(folder: Path) -> None:
    """Put into a folder the programs that a reader has on PATH."""
    folder.mkdir()
    for name, program in ensure(*TOOLS).items():
        (folder / name).symlink_to(program)
    for name in PROGRAMS:
        (folder / name).symlink_to(Path(sys.executable).parent / name)
    make = shutil.which("make")
    assert make is not None
    # The environment stands, and is others' too: it is not made anew for being older than a file.
    _script(folder / "make", f'exec {make} -o .venv/.ready "$@"')
    if shutil.which("kubectl") is None:
        _script(folder / "kubectl", f'exec env {STAND_IN} "$@"')
    if shutil.which("jq") is None:
        _script(folder / "jq", f"exec {sys.executable} -m json.tool --json-lines")


def _lay_checkout(root: Path) -> None:
    """Link all of the checkout but what is built."""
    root.mkdir()
    for path in ROOT.iterdir():
        if path.name not in ("build", ".git"):
            (root / path.name).symlink_to(path)
    if not (root / ".venv").exists():
        (root / ".venv/bin").mkdir(parents=True)
        for name in ("python", *PROGRAMS):
            (root / ".venv/bin" / name).symlink_to(Path(sys.executable).parent / name)
