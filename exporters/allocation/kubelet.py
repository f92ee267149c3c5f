"""The node's kubelet, as far as it tells who holds its GPUs; only a worker speaks to it."""

import errno
from collections.abc import Callable, Iterator
from pathlib import Path

from exporters.allocation import pod_resources
from exporters.allocation.grpc import Channel
from exporters.allocation.pod_resources import Holding
from exporters.errors import Absent, Unreadable

SOCKET = "kubelet.sock"

_SERVICE = "/v1.PodResourcesLister"
_NOBODY = (errno.ENOENT, errno.ENOTDIR)


class Kubelet:
    """Asks anew each time."""

    def __init__(
        self,
        directory: str,
        deadline: float,
        terminated: Callable[[], Callable[[str, str], bool]],
        *,
        seen: bool,
    ) -> None:
        """Take the directory of its socket, and for how many seconds to wait for an answer.

        `terminated` returns who tells which pods, by namespace and name, have ended; `seen` is
        whether there ever was a kubelet.
        """
        self._socket = Path(directory) / SOCKET
        self._deadline = deadline
        self._seen = seen
        self.missing = ""
        """Why there was nobody to ask, the last time."""
        self.terminated = terminated

    def holdings(self) -> Iterator[Holding]:
        """Yield what every container holds, also those that have ended."""
        return pod_resources.holdings(self._call("List"))

    def allocatable(self) -> Iterator[tuple[str, str]]:
        """Yield resource and id of every device that can be given."""
        return pod_resources.allocatable(self._call("GetAllocatableResources"))

    def _call(self, method: str) -> memoryview:
        try:
            with Channel(str(self._socket), self._deadline) as channel:
                self._seen = True
                return channel.call(f"{_SERVICE}/{method}")
        except Absent as error:
            self.missing = str(error)
            raise
        except OSError as error:
            raise self._meaning(error) from None

    def _meaning(self, error: OSError) -> Absent | Unreadable:
        """Return what it means that nobody listens.

        A socket that was never there means a node without a kubelet; one that is gone, a kubelet
        that is gone.
        """
        if error.errno in _NOBODY and not self._seen:
            self.missing = (
                f"{self._socket}: no kubelet here, or --kubelet.socket-dir is not its own"
            )
            return Absent(self.missing)
        return Unreadable(f"{self._socket}: {error.strerror or str(error) or 'no answer'}")
