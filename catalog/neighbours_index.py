"""Every metric of other programs that rules and dashboards read, wherever it stands."""

from collections.abc import Iterator, Mapping
from functools import cache

from catalog.foreign import Foreign
from catalog.metrics import Kind
from catalog.neighbours import NEIGHBOURS
from catalog.neighbours_jobs import JOB_NEIGHBOURS
from catalog.neighbours_nodes import NODE_NEIGHBOURS
from catalog.neighbours_serving import SERVING_NEIGHBOURS
from catalog.neighbours_shown import SHOWN_NEIGHBOURS

_PARTS = ("_bucket", "_count", "_sum")
_BY_PART = (NEIGHBOURS, NODE_NEIGHBOURS, JOB_NEIGHBOURS, SERVING_NEIGHBOURS, SHOWN_NEIGHBOURS)


@cache
def by_program() -> Mapping[str, tuple[Foreign, ...]]:
    """Return the metrics by the program that exposes them; ValueError where one stands twice."""
    found: dict[str, tuple[Foreign, ...]] = {}
    for part in _BY_PART:
        for program, metrics in part.items():
            found[program] = (*found.get(program, ()), *metrics)
    names = [metric.name for metrics in found.values() for metric in metrics]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise ValueError(f"metrics of neighbours that stand twice: {', '.join(twice)}")
    return found


@cache
def by_series() -> Mapping[str, Foreign]:
    """Return the metrics by the names that their series have: a histogram's are three."""
    return dict(_series())


def _series() -> Iterator[tuple[str, Foreign]]:
    for metrics in by_program().values():
        for metric in metrics:
            parts = _PARTS if metric.kind is Kind.HISTOGRAM else ("",)
            yield from ((f"{metric.name}{part}", metric) for part in parts)
