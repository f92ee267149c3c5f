"""The one Watcher, told what this program's requests to the kube-apiserver raise."""

import threading
from collections.abc import Callable

from program import watch
from program.watch import Change, Errors, Listing, Object, Source, Store
from scheduler_feedback.errors import Gone, KubeError

_ERRORS = Errors(gone=Gone, failure=KubeError)


class Watcher(watch.Watcher):
    """Follows a source into a store until stopped, whatever happens to the server meanwhile."""

    def __init__(
        self,
        source: Source,
        store: Store,
        *,
        stop: threading.Event,
        failed: Callable[[str], None] = lambda _reason: None,
    ) -> None:
        """Prepare; `failed` is told the reason of each failure."""
        super().__init__(
            source, store, _ERRORS, stop=stop, failed=lambda error: failed(_reason(error))
        )

    @property
    def error(self) -> str:
        """What went wrong last; empty while all is well."""
        return "" if self.failure is None else f"{_reason(self.failure)}: {self.failure}"


def _reason(error: Exception) -> str:
    return error.reason if isinstance(error, KubeError) else type(error).__name__


__all__ = ["Change", "Listing", "Object", "Source", "Store", "Watcher"]
