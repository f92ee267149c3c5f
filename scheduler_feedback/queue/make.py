"""Puts queues together from the program's settings."""

from collections.abc import Callable

from program.announce import Announcer
from program.errors import UsageError
from scheduler_feedback.drain_kube import DrainKube
from scheduler_feedback.kube import Kube
from scheduler_feedback.metrics import Metrics
from scheduler_feedback.queue.engines import Engines
from scheduler_feedback.queue.families import families
from scheduler_feedback.queue.file import QueueFile
from scheduler_feedback.queue.giveback import Counted, GiveBack
from scheduler_feedback.queue.service import Queues
from scheduler_feedback.settings import Settings


def make_queues(
    kube: Kube,
    settings: Settings,
    *,
    leading: Callable[[], bool],
    announcer: Announcer,
    metrics: Metrics,
) -> Queues:
    """Return the queues; ProgramError where the declaration makes no sense."""
    if settings.queues_reclaim and not settings.queues_file:
        raise UsageError("--queues.reclaim needs --queues.file, which says who is guaranteed what")
    if settings.queues_file and not settings.gangs:
        raise UsageError("--queues.file needs the gang controller, which --no-gangs switches off")
    giving = GiveBack(
        DrainKube(kube, settings.key_prefix),
        announcer,
        leading=leading,
        counted=Counted(evictions=metrics.reclaimed, jobs=metrics.drain_job),
        longest=settings.drain_longest_checkpoint,
        prefix=settings.key_prefix,
    )
    queues = Queues(
        QueueFile(settings.queues_file) if settings.queues_file else None,
        Engines(kube),
        giving if settings.queues_reclaim else None,
        leading=leading,
    )
    metrics.queues = lambda: families(queues)
    return queues
