"""Grafana dashboards, one a file: each module with a function `dashboard` describes one.

`all_dashboards` finds and renders them; adding a dashboard is adding its file.
"""

import importlib
import pkgutil
from typing import Any

from dashboards.exchange import importable
from dashboards.grafana import managed, render
from dashboards.settings import DEFAULTS, Settings


def all_dashboards(settings: Settings = DEFAULTS) -> dict[str, dict[str, Any]]:
    """Return every dashboard in provisioning form, by the file stem it is written under."""
    found = {}
    for info in pkgutil.iter_modules(__path__):
        module = importlib.import_module(f"{__name__}.{info.name}")
        describe = getattr(module, "dashboard", None)
        if describe is not None:
            found[info.name] = render(describe(settings), settings)
    return found


__all__ = ["DEFAULTS", "Settings", "all_dashboards", "importable", "managed"]
