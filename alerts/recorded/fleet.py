"""The fleet in sums: nodes, GPUs, collectors, open faults, load and errors."""

from collections.abc import Iterator

from alerts.promql import UP, select
from alerts.recorded.model import RecordingSettings, Rule
from catalog import fleet as recorded
from catalog.exporter import COLLECTOR, COLLECTOR_STATE
from catalog.gpu import (
    GPU_ENERGY,
    GPU_MEMORY_CAPACITY,
    GPU_MEMORY_USED,
    GPU_POWER,
    GPU_POWER_LIMIT,
    GPU_STATE,
    GPU_UTILIZATION,
    GPU_XID_ERRORS,
)
from catalog.labels import CONDITION, NODE, OBSERVED, VERDICT

_SUMMED = (GPU_UTILIZATION, GPU_MEMORY_USED, GPU_MEMORY_CAPACITY, GPU_POWER, GPU_POWER_LIMIT)


def rules(settings: RecordingSettings) -> Iterator[Rule]:
    """Yield the rules of the fleet."""
    by = settings.by
    yield from _nodes(settings)
    yield Rule(metric=recorded.GPUS, expr=f"sum by {by('state')} ({GPU_STATE.name})")
    yield Rule(
        metric=recorded.COLLECTORS,
        expr=f"sum by {by(*COLLECTOR, 'state')} ({COLLECTOR_STATE.name})",
    )
    yield Rule(
        metric=recorded.OPEN_FAULTS,
        expr=f'count by {by(CONDITION, VERDICT)} (ALERTS{{alertstate="firing",{CONDITION}!=""}})',
    )
    for metric, total in zip(_SUMMED, recorded.GPU_SUMS, strict=True):
        yield Rule(metric=total, expr=f"sum by {by()} ({metric.name})")
    yield Rule(metric=recorded.UTILIZATION_COUNT, expr=f"count by {by()} ({GPU_UTILIZATION.name})")
    for counter, rate, labels in (
        (GPU_XID_ERRORS, recorded.XID_RATE, ("resolution",)),
        (GPU_ENERGY, recorded.ENERGY_RATE, ()),
    ):
        yield Rule(
            metric=rate,
            expr=f"sum by {by(*labels)} (rate({counter.name}[{recorded.RATE_WINDOW}]))",
        )


def _nodes(settings: RecordingSettings) -> Iterator[Rule]:
    """Yield how many nodes are seen how well; each is counted once, and none is a 0."""
    node, facility = settings.by(NODE), settings.by(NODE, *COLLECTOR)
    unseen = (
        f"({OBSERVED} == 0 unless on {facility} {select(COLLECTOR_STATE, state='absent')} == 1)"
    )
    heard, all_of_them = f"{UP} == 1", f"0 * count by {settings.by()} ({UP})"
    for coverage, those in (
        (recorded.COVERED, f"{heard} unless on {node} {unseen}"),
        (recorded.BLIND, f"{heard} and on {node} {unseen}"),
        (recorded.SILENT, f"{UP} == 0"),
    ):
        yield Rule(
            metric=recorded.NODES,
            expr=f"count by {settings.by()} ({those}) or {all_of_them}",
            labels={"coverage": coverage},
        )
