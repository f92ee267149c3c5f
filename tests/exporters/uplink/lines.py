"""Lines and views of them, for tests."""

from pathlib import Path
from typing import Any, TypeVar

import yaml

from exporters.facility import Facility, Outcome
from exporters.runtime import run
from exporters.uplink.rtnetlink import Channel, Rtnetlink
from exporters.uplink.view import View
from exporters.uplink.watch import Watched

T = TypeVar("T")


def write(folder: Path, *lines: dict[str, Any]) -> Path:
    """Write a configuration of these lines; return the file."""
    file = folder / "uplink.yaml"
    file.write_text(yaml.safe_dump({"lines": list(lines)}))
    return file


def view(folder: Path, channel: Channel | None, *lines: dict[str, Any]) -> View:
    """Return a view of these lines, through a socket of this namespace or through this one."""
    return View(Watched(str(write(folder, *lines)), 1.0), Rtnetlink(channel))


def told(facility: Facility[T], device: T) -> Outcome:
    """Return what a facility tells."""
    return run(facility, (device,))


def values(outcome: Outcome) -> dict[str, float]:
    """Return values by the metric's name and the labels after the line's."""
    return {
        "/".join((s.metric.name.removeprefix("railwatch_uplink_"), *s.labels[1:])): s.value
        for s in outcome.samples
    }


def names(outcome: Outcome) -> set[str]:
    """Return the names of the metrics that are told."""
    return {sample.metric.name for sample in outcome.samples}
