"""A simulated host as a node of a cluster, and its container runtime's part."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from testbed.pods.network import Interface


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """What of a node the pods on it can see."""

    name: str
    interface: Interface
    directory: Path
    """The rest of its disk: what pods ask to be made at a path of the host, and nothing else."""
    paths: Mapping[str, Path] = field(default_factory=dict)
    """Where the host's paths are that a simulation stands behind, such as `/sys`."""
    driver: Path | None = None
    """A folder with NVIDIA's library, which its container runtime gives to those who ask."""

    def path(self, path: str, kind: str) -> Path:
        """Return where a hostPath of this type is; FileNotFoundError as the kubelet would say."""
        found = self.paths.get(path, self.directory / path.lstrip("/"))
        if kind.endswith("OrCreate"):
            found.mkdir(parents=True, exist_ok=True)
        if not found.exists():
            raise FileNotFoundError(f"hostPath {path} of {self.name}: not there")
        return found
