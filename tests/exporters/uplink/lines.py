"""Lines and views of them, for tests."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import pytest
import yaml

from exporters.facility import Facility, Outcome
from exporters.runtime import run
from exporters.uplink.rtnetlink import Channel, Rtnetlink
from exporters.uplink.view import View
from exporters.uplink.watch import Watched
from testbed import rtnetlink as bed
from testbed.nldev import table
from tests.packages import needs

T = TypeVar("T")

LINE = {"name": "dc", "interfaces": ["up*"], "pod_interfaces": ["cali*"]}
"""A line that names everything that `whole` has."""

COUNTED = bed.statistics(5000, 1 << 33, drops=3, overlimits=4, backlog=600, waiting=2)


def whole() -> bed.SimulatedRtnetlink:
    """Return a kernel that has all there is."""
    names = ("up0", "up1", "cali00000000000")
    made = bed.SimulatedRtnetlink(
        links=[bed.link(n, name, netns=n) for n, name in enumerate(names, 1)]
    )
    for index in (1, 2):
        control = {
            "htb": (0x10000, bed.ROOT, b""),
            "tbf": (0x20000, 0x10010, bed.tbf(5_000_000_000, 9000, peak=7)),
            "cake": (0x30000, 0x10020, bed.cake(77)),
            "clsact": (bed.INGRESS, bed.CLSACT, b""),
        }
        made.qdiscs += [
            bed.traffic_control(index, kind, handle=h, parent=p, options=o, counts=COUNTED)
            for kind, (h, p, o) in control.items()
        ]
        made.classes[index] = [
            bed.traffic_control(
                index, "htb", handle=0x10010, parent=bed.ROOT, options=bed.htb(9, 1 << 33, 8)
            ),
            bed.traffic_control(
                index, "hfsc", handle=0x10020, parent=bed.ROOT, options=bed.hfsc(real_time=9)
            ),
        ]
        policed = bed.action(1, "police", bed.police(5, 1 << 33, 500, packets=3), COUNTED)
        made.filters[index, bed.CLSACT_INGRESS] = [
            bed.traffic_control(
                index, "u32", handle=1, parent=bed.CLSACT_INGRESS, options=table(7, policed)
            )
        ]
    return made


Test = TypeVar("Test", bound=Callable[..., Any])


def in_namespaces(test: Test) -> Test:
    """Mark a test, or a class of them, that makes network namespaces."""
    marked = pytest.mark.netns(needs("iproute2")(test))
    root = pytest.mark.skipif(os.geteuid() != 0, reason="network namespaces need root")
    found: Test = root(marked)
    return found


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
