"""Collections of objects that are listed and watched."""

from collections.abc import Iterator

from scheduler_feedback.kube import NAMESPACES, NODES, PODS, Kube
from scheduler_feedback.watch import Change, Listing


class Collection:
    """A collection of objects, for a Watcher."""

    def __init__(self, kube: Kube, path: str, seconds: float, **selectors: str) -> None:
        """Watch for so many seconds at a time what the selectors choose."""
        self._kube = kube
        self.path = path
        self._seconds = seconds
        self._selectors = selectors

    def list(self) -> Listing:
        """Begin a list of all."""
        return self._kube.listing(self.path, **self._selectors)

    def watch(self, version: str) -> Iterator[Change]:
        """Open a watch of all."""
        return self._kube.watch(self.path, version, self._seconds, **self._selectors)


def nodes(kube: Kube, seconds: float) -> Collection:
    """Return the collection of nodes."""
    return Collection(kube, NODES, seconds)


def living_pods(kube: Kube, seconds: float) -> Collection:
    """Return the collection of pods that have not ended."""
    alive = "status.phase!=Succeeded,status.phase!=Failed"
    return Collection(kube, PODS, seconds, fieldSelector=alive)


def namespaces(kube: Kube, seconds: float) -> Collection:
    """Return the collection of namespaces."""
    return Collection(kube, NAMESPACES, seconds)
