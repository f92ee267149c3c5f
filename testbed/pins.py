"""Which tools there are, at which versions, and where each lies.

A built tool's file is named by the hash of its pins and build flags: a file that is there is
the right one, whole. What a cut-off build leaves has another name.
"""

import hashlib
import re
import shutil
import subprocess
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from program.errors import ProgramError

_ROOT = Path(__file__).resolve().parent.parent
_STRIPPED = "-s -w"


@dataclass(frozen=True, slots=True, kw_only=True)
class Tool:
    """One program and the Go package it is built from."""

    name: str
    folder: str
    """Its folder under tools/, whose go.mod pins it."""
    module: str
    """The module in that go.mod whose version is the tool's."""
    package: str
    """The main package, below the module."""
    cold_build: str
    """About how long the first build takes on two cores."""
    tags: str = ""
    version_assignment: str = ""
    """What tells the linker the version that the tool reports, up to the number itself."""
    version_word: str = "--version"
    """What makes it report that."""


_PROMETHEUS_VERSION = "github.com/prometheus/common/version.Version="
_KUBERNETES_VERSION = "k8s.io/component-base/version.gitVersion=v"


def _prometheus(name: str, cold_build: str) -> Tool:
    return Tool(
        name=name,
        folder="prometheus",
        module="github.com/prometheus/prometheus",
        package=f"/cmd/{name}",
        cold_build=cold_build,
        tags="remove_all_sd,enable_kubernetes_sd",  # static and file discovery stay as well
        version_assignment=_PROMETHEUS_VERSION,
    )


def _alertmanager(name: str, cold_build: str) -> Tool:
    return Tool(
        name=name,
        folder="alertmanager",
        module="github.com/prometheus/alertmanager",
        package=f"/cmd/{name}",
        cold_build=cold_build,
        version_assignment=_PROMETHEUS_VERSION,
    )


def _kubernetes(name: str, cold_build: str) -> Tool:
    return Tool(
        name=name,
        folder="kubernetes",
        module="k8s.io/kubernetes",
        package=f"/cmd/{name}",
        cold_build=cold_build,
        version_assignment=_KUBERNETES_VERSION,
    )


TOOLS = {
    tool.name: tool
    for tool in (
        Tool(
            name="etcd",
            folder="etcd",
            module="go.etcd.io/etcd/server/v3",
            package="",
            cold_build="25 s",
        ),
        _prometheus("prometheus", "2 min"),
        _prometheus("promtool", "20 s"),
        _alertmanager("alertmanager", "35 s"),
        _alertmanager("amtool", "5 s"),
        Tool(
            name="kwok",
            folder="kwok",
            module="sigs.k8s.io/kwok",
            package="/cmd/kwok",
            cold_build="1 min",
            version_assignment="sigs.k8s.io/kwok/pkg/consts.Version=v",
        ),
        Tool(
            name="node_exporter",
            folder="node_exporter",
            module="github.com/prometheus/node_exporter",
            package="",
            cold_build="20 s",
            version_assignment=_PROMETHEUS_VERSION,
        ),
        Tool(
            name="kube-state-metrics",
            folder="kube-state-metrics",
            module="k8s.io/kube-state-metrics/v2",
            package="",
            cold_build="1 min 30 s",
            version_assignment=_PROMETHEUS_VERSION,
            version_word="version",
        ),
        Tool(
            name="blackbox_exporter",
            folder="blackbox_exporter",
            module="github.com/prometheus/blackbox_exporter",
            package="",
            cold_build="15 s",
            version_assignment=_PROMETHEUS_VERSION,
        ),
        Tool(
            name="pint",
            folder="pint",
            module="github.com/cloudflare/pint",
            package="/cmd/pint",
            cold_build="40 s",
            version_assignment="main.version=",
            version_word="version",
        ),
        Tool(
            name="kubeconform",
            folder="kubeconform",
            module="github.com/yannh/kubeconform",
            package="/cmd/kubeconform",
            cold_build="5 s",
            version_assignment="main.version=",
            version_word="-v",
        ),
        Tool(
            name="kustomize",
            folder="kustomize",
            module="sigs.k8s.io/kustomize/kustomize/v5",
            package="",
            cold_build="15 s",
            version_assignment="sigs.k8s.io/kustomize/api/provenance.version=v",
            version_word="version",
        ),
        Tool(
            name="helm",
            folder="helm",
            module="helm.sh/helm/v4",
            package="/cmd/helm",
            cold_build="2 min",
            version_assignment="helm.sh/helm/v4/internal/version.version=v",
            version_word="version",
        ),
        _kubernetes("kube-apiserver", "3 min 30 s"),
        _kubernetes("kube-controller-manager", "45 s"),
        _kubernetes("kube-scheduler", "20 s"),
    )
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Workshop:
    """Where the pins stand and where what is built from them is kept."""

    pins: Path = _ROOT / "tools"
    kept: Path = _ROOT / ".tools"

    def version(self, tool: Tool) -> str:
        """Return the version that the tool's go.mod pins, as the tool itself writes it."""
        line = rf"(?:require)?\s*{re.escape(tool.module)} v(\S+)"
        return _released(tool.module, self._pinned(tool, line)[1])

    def go_needed(self, tool: Tool) -> tuple[int, int]:
        """Return the oldest Go that builds the tool."""
        found = self._pinned(tool, r"go (\d+)\.(\d+)")
        return int(found[1]), int(found[2])

    def _pinned(self, tool: Tool, line: str) -> re.Match[str]:
        text = (self.pins / tool.folder / "go.mod").read_text(encoding="utf-8")
        found = re.search(f"^{line}", text, re.MULTILINE)
        if found is None:
            raise ProgramError(f"tools/{tool.folder}/go.mod does not pin {tool.module}")
        return found

    def built(self, tool: Tool) -> Path:
        """Return where the tool built from these pins lies, once it does."""
        digest = hashlib.sha256()
        for part in ("go.mod", "go.sum"):
            digest.update((self.pins / tool.folder / part).read_bytes())
        digest.update(repr((tool.package, tool.tags, self.linked(tool))).encode())
        return self.kept / "built" / f"{tool.name}-{digest.hexdigest()[:16]}"

    def linked(self, tool: Tool) -> str:
        """Return the linker's flags: no debug information, and the version where it is told."""
        if not tool.version_assignment:
            return _STRIPPED
        return f"{_STRIPPED} -X {tool.version_assignment}{self.version(tool)}"

    def find(self, tool: Tool) -> Path | None:
        """Return the tool from PATH where its version is the pinned one, else what was built."""
        found = shutil.which(tool.name)
        if found is not None and _says(Path(found), tool.version_word, self.version(tool)):
            return Path(found)
        built = self.built(tool)
        return built if built.exists() else None


def _released(module: str, version: str) -> str:
    """Return a release's own number; Prometheus 3.13.5 is the module v0.313.5."""
    prometheus = re.fullmatch(r"0\.(\d)(\d\d)\.(\d+)", version)
    if module == "github.com/prometheus/prometheus" and prometheus:
        return f"{prometheus[1]}.{int(prometheus[2])}.{prometheus[3]}"
    return version


@cache
def _says(program: Path, word: str, version: str) -> bool:
    try:
        said = subprocess.run(
            [program, word], capture_output=True, text=True, timeout=20, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return bool(
        re.search(rf"(?<![\w.-])v?{re.escape(version)}(?![\w.-])", said.stdout + said.stderr)
    )
