"""Every metric there is: whatever module of the catalogue holds `METRICS`."""

import pkgutil
from collections import Counter
from functools import cache
from importlib import import_module

import catalog
from catalog.metrics import Metric


@cache
def by_module() -> dict[str, tuple[Metric, ...]]:
    """Return the metrics by the module they stand in; ValueError where a name stands twice."""
    found: dict[str, tuple[Metric, ...]] = {}
    for module in sorted(pkgutil.iter_modules(catalog.__path__), key=lambda module: module.name):
        if module.name != __name__.rpartition(".")[2]:
            metrics = getattr(import_module(f"catalog.{module.name}"), "METRICS", ())
            found |= {module.name: tuple(metrics)} if metrics else {}
    names = Counter(metric.name for metrics in found.values() for metric in metrics)
    if twice := sorted(name for name, count in names.items() if count > 1):
        raise ValueError(f"metrics that stand twice: {', '.join(twice)}")
    return found


def all_metrics() -> tuple[Metric, ...]:
    """Return every metric."""
    return tuple(metric for metrics in by_module().values() for metric in metrics)


@cache
def by_name() -> dict[str, Metric]:
    """Return every metric by its name."""
    return {metric.name: metric for metric in all_metrics()}
