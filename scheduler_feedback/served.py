"""Collections that not every cluster has: followed once they are served, not asked for before."""

import threading
from collections.abc import Callable

from scheduler_feedback.collection import Collection
from scheduler_feedback.errors import KubeError
from scheduler_feedback.kube import Kube
from scheduler_feedback.watch import Store, Watcher

_LOOK_AGAIN = 60.0
"""Seconds after which it is looked anew whether it is served."""


def follow(
    kube: Kube,
    source: Collection,
    store: Store,
    *,
    stop: threading.Event,
    failed: Callable[[str], None],
) -> None:
    """Keep a store as a collection says, until stopped; `failed` is told why it cannot be."""
    watcher = Watcher(source, store, stop=stop, failed=failed)
    while not stop.is_set():
        if _is_served(kube, source, failed):
            watcher.run()
        stop.wait(_LOOK_AGAIN)


def _is_served(kube: Kube, source: Collection, failed: Callable[[str], None]) -> bool:
    try:
        return kube.serves(source.path)
    except KubeError as error:
        failed(error.reason)
        return False
