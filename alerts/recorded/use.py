"""Who holds each GPU and what becomes of it: busy, idle, free, or lost to a fault.

Every GPU counts once, whole or in parts: one that is shared, or cut by MIG, counts for each
namespace by the part it holds. From these sums come utilisation, goodput and cost.
"""

from collections.abc import Iterator

from alerts.promql import Series
from alerts.recorded.model import RecordingSettings, Rule
from catalog import fleet as recorded
from catalog.gpu import GPU_STATE, GPU_UTILIZATION
from catalog.gpu_allocation import GPU_ALLOCATION
from catalog.gpu_gpm import GPU_GRAPHICS_ACTIVE
from catalog.gpu_mig import GPU_MIG_INFO
from catalog.labels import NODE, UUID, VERDICT
from catalog.verdicts import Verdict

WORKING = 0.05
"""A GPU works above this utilisation; below it lie monitoring and processes that wait."""

_ROUNDING = 0.001
"""Parts of a GPU that add up to one leave less than this."""

_FENCING = "|".join(verdict.label for verdict in (Verdict.CORDON, Verdict.DRAIN))


def rules(settings: RecordingSettings) -> Iterator[Rule]:
    """Yield the rules of use; the later read what the earlier have recorded."""
    yield Rule(metric=recorded.GPU_LOST, expr=_lost(settings))
    yield Rule(metric=recorded.GPU_HELD, expr=_held(settings))
    yield Rule(metric=recorded.GPU_UNHELD, expr=_rest(settings))
    by = settings.by(NODE, "namespace")
    for use, expr in _uses(settings):
        yield Rule(metric=recorded.NODE_GPU_USE, expr=f"sum by {by} ({expr})", labels={"use": use})
    yield Rule(
        metric=recorded.GPU_USE,
        expr=f"sum by {settings.by('namespace', 'use')} ({recorded.NODE_GPU_USE.name})",
    )


def _gpus(settings: RecordingSettings) -> str:
    """Return 1 for each GPU that the driver manages."""
    return f'max by {settings.by(NODE, UUID)} ({GPU_STATE.name}{{state!="not_managed"}} == 1)'


def _lost(settings: RecordingSettings) -> str:
    """Return the GPUs that are not ok, or that an alert would have fenced, or its node."""
    fencing = ('alertstate="firing"', f'{VERDICT}=~"{_FENCING}"')
    of_gpu = Series("ALERTS", (*fencing, f'{UUID}!=""'))
    of_node = Series("ALERTS", (*fencing, f'{UUID}=""', f'{NODE}!=""'))
    gpus = _gpus(settings)
    return f"""
        max by {settings.by(NODE, UUID)} ({GPU_STATE.name}{{state!~"ok|not_managed"}} == 1)
        or
        {gpus} and on {settings.by(UUID)} {of_gpu}
        or
        {gpus} and on {settings.by(NODE)} {of_node}
        """


def _held(settings: RecordingSettings) -> str:
    """Return the part of each GPU that a namespace holds; of one cut by MIG, by instances."""
    on = settings.by(NODE, UUID)
    return f"""
        sum by {settings.by(NODE, UUID, "namespace")} ({GPU_ALLOCATION.name})
          / on {on} group_left ()
        (count by {on} ({GPU_MIG_INFO.name}) or {_gpus(settings)})
        """


def _rest(settings: RecordingSettings) -> str:
    """Return the part of each GPU that nobody holds; 1 where nobody holds any of it."""
    on, held = settings.by(NODE, UUID), recorded.GPU_HELD.name
    return f"""
        {_gpus(settings)} - on {on} sum by {on} ({held}) > {_ROUNDING}
        or
        {_gpus(settings)} unless on {on} {held}
        """


def _uses(settings: RecordingSettings) -> Iterator[tuple[str, str]]:
    """Yield the GPUs of each use; one that works though no pod holds it is busy, for nobody."""
    held, rest, lost = (
        metric.name for metric in (recorded.GPU_HELD, recorded.GPU_UNHELD, recorded.GPU_LOST)
    )
    on = settings.by(NODE, UUID)
    working = (
        f"max by {on} ({GPU_UTILIZATION.name} > {WORKING} "
        f"or {GPU_GRAPHICS_ACTIVE.name} > {WORKING})"
    )
    unowned = f"({rest} == 1 and on {on} {working})"
    sound = f"unless on {on} {lost}"
    yield recorded.LOST, f"({held} or {rest}) and on {on} {lost}"
    yield recorded.BUSY, f"({held} and on {on} {working} or {unowned}) {sound}"
    yield recorded.IDLE, f"{held} unless on {on} {working} {sound}"
    yield recorded.FREE, f"{rest} unless on {on} {unowned} {sound}"
