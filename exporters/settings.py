"""The exporter's settings, each one flag."""

import argparse
from dataclasses import dataclass, replace

from exporters.registry import FAMILIES
from program.errors import UsageError
from program.flags import add_flags, build, duration, flag

SHORTEST_INTERVAL = 0.1
OWN_PATHS = ("/", "/healthz", "/readyz")


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What the command line says. Which facilities are read has a flag each, by the registry."""

    sysfs: str = flag("path.sysfs", default="/sys", metavar="DIR", help="where sysfs is mounted")
    procfs: str = flag(
        "path.procfs", default="/proc", metavar="DIR", help="where procfs is mounted"
    )
    kmsg: str = flag(
        "path.kmsg", default="/dev/kmsg", metavar="FILE", help="the kernel's log, or a copy of it"
    )
    nvml_library: str = flag(
        "nvml.library",
        default="libnvidia-ml.so.1",
        metavar="FILE",
        help="NVIDIA's management library: a path, or a name for the loader to find",
    )
    interval: float = duration("interval", default=5.0, help="how often the hardware is read")
    once: bool = flag("once", default=False, help="print one exposition and exit")
    telemetry_path: str = flag(
        "web.telemetry-path", default="/metrics", metavar="PATH", help="path of the exposition"
    )
    facilities: frozenset[str] = frozenset(
        facility.key for family in FAMILIES for facility in family.facilities
    )
    """Keys (FAMILY.FACILITY) of the facilities that are read."""


def add_settings(to: argparse.ArgumentParser) -> None:
    """Add the exporter's flags, among them one for each family and facility."""
    add_flags(to, Settings)
    for family in FAMILIES:
        _add_switch(to, family.name, family.reads)
        for facility in family.facilities:
            _add_switch(to, facility.key, facility.reads)


def _add_switch(to: argparse.ArgumentParser, key: str, reads: str) -> None:
    to.add_argument(
        f"--collector.{key}",
        dest=f"collector.{key}",
        action=argparse.BooleanOptionalAction,
        default=True,
        help=f"{reads} (default: on)",
    )


def open_settings(parsed: argparse.Namespace) -> Settings:
    """Return the settings of a parsed command line; UsageError where they make no sense."""
    switches = vars(parsed)
    on = frozenset(
        facility.key
        for family in FAMILIES
        for facility in family.facilities
        if switches[f"collector.{family.name}"] and switches[f"collector.{facility.key}"]
    )
    settings = replace(build(Settings, parsed), facilities=on)
    if settings.interval < SHORTEST_INTERVAL:
        raise UsageError("--interval: must be at least 100ms")
    path = settings.telemetry_path
    if not path.startswith("/") or path in OWN_PATHS:
        raise UsageError(
            f"--web.telemetry-path: {path!r} is not a path of its own such as /metrics"
        )
    return settings
