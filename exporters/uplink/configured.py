"""uplink/config: what is configured of each line, and whether the file can be used."""

from __future__ import annotations

from typing import TYPE_CHECKING

from catalog.uplink import (
    CAPACITY,
    CONFIG_LOADED,
    CONFIG_VALID,
    MEMBER_INFO,
    NODE_PATTERN,
    NODE_SELECTOR,
    RECEIVE,
    TRANSMIT,
)
from exporters.errors import Unreadable
from exporters.facility import Facility
from exporters.sample import Sample

if TYPE_CHECKING:
    from collections.abc import Iterator

    from exporters.uplink.config import Line
    from exporters.uplink.view import View


def configured(view: View) -> Iterator[Sample]:
    """Yield what is in use; Unreadable says, at its end, why the file as it is now is not."""
    for line in view.config.lines:
        yield from _line(line)
    yield Sample(CONFIG_LOADED, (), view.watched.loaded)
    yield Sample(CONFIG_VALID, (), float(not view.watched.problem))
    if view.watched.problem:
        raise Unreadable(f"{view.watched.problem}; what it said before is still in use")


def _line(line: Line) -> Iterator[Sample]:
    for way, rate in ((RECEIVE, line.receive), (TRANSMIT, line.transmit)):
        if rate is not None:
            yield Sample(CAPACITY, (line.name, way), rate)
    for pattern in line.nodes:
        yield Sample(MEMBER_INFO, (line.name, NODE_PATTERN, pattern), 1)
    for label, value in line.node_selector:
        yield Sample(MEMBER_INFO, (line.name, NODE_SELECTOR, f"{label}={value}"), 1)


FACILITY = Facility(
    family="uplink",
    name="config",
    reads="capacity and members of each line, from --uplink.config.file",
    readings=(configured,),
)
