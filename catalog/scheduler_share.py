"""Metrics of sharing GPUs between pods."""

from catalog.metrics import Metric, counter

BIND_RESULTS = ("bound", "again", "no_room", "conflicted", "refused", "failed")
"""bound: with its GPUs; again: was bound so already; no_room: no GPU has room any more; conflicted:
others were faster each time; refused: the pod is another or gone, or what it asks for makes no
sense; failed: no answer of the kube-apiserver, or not to the end."""

BINDS = counter(
    "railwatch_scheduler_share_binds_total",
    "Pods with shared GPUs that kube-scheduler had bound, by how it ended.",
    labels=("result",),
    source="extender",
)

METRICS: tuple[Metric, ...] = (BINDS,)
