"""Finds the alerts: every public module of a family package holds one, as `ALERT`.

There is no list to keep: a new file is a new alert. The file is named after it, which is checked
here, so that alert, test and runbook page are found by the name.
"""

import pkgutil
import re
from collections.abc import Iterable, Iterator
from functools import cache
from importlib import import_module

from alerts import gpu, neighbours, platform, rdma, uplink
from alerts.model import Alert

SHARD, GLOBAL = "shard", "global"
"""Where a rule is judged: a shard of Prometheus has all of a node, only the global view has all."""

FAMILIES = (gpu, rdma, uplink, platform, neighbours)
"""The packages to walk; a new family is a new package here."""

NEIGHBOURS = "neighbours"
"""The family about programs that are not ours, which users leave out whole."""


@cache
def by_family() -> dict[str, tuple[Alert, ...]]:
    """Return every alert, by the last name of its family's package, in the order of its name."""
    return {
        package.__name__.rpartition(".")[2]: tuple(_alerts(package.__path__, package.__name__))
        for package in FAMILIES
    }


def all_alerts() -> tuple[Alert, ...]:
    """Return every alert."""
    return tuple(alert for alerts in by_family().values() for alert in alerts)


def _alerts(path: Iterable[str], package: str) -> Iterator[Alert]:
    for module in sorted(pkgutil.iter_modules(path), key=lambda module: module.name):
        alert = getattr(import_module(f"{package}.{module.name}"), "ALERT", None)
        if not isinstance(alert, Alert):
            raise TypeError(f"{package}.{module.name}: no ALERT; each file here holds one alert")
        if stem(alert.name) != module.name:
            raise ValueError(f"{alert.name} belongs in {stem(alert.name)}.py, not {module.name}.py")
        yield alert


def stem(name: str) -> str:
    """Return the file name of an alert: its name in snake_case."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()


def view(alert: Alert) -> str:
    """Return the folder of an alert's rule: which Prometheus can judge it."""
    return GLOBAL if alert.needs_fleet else SHARD
