"""Where each panel stands: from left to right, then below, so that none can overlap another."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from dashboards.model import Bars, Chart, Figure, Listing, Panel, Section, Timeline

COLUMNS = 24
_USUAL = {Chart: (12, 8), Figure: (4, 4), Timeline: (12, 8), Listing: (24, 8), Bars: (12, 8)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A rectangle of Grafana's grid."""

    x: int
    y: int
    width: int
    height: int


def place(sections: Sequence[Section]) -> Iterator[tuple[Section, Place, list[Place]]]:
    """Yield each section with its heading's place and its panels' places.

    ValueError names a panel wider than the grid.
    """
    y = 0
    for section in sections:
        heading = Place(x=0, y=y, width=COLUMNS, height=1)
        places, bottom = _flow(section.panels, y + 1)
        yield section, heading, places
        y = heading.y + 1 if section.collapsed else bottom


def _flow(panels: Sequence[Panel], top: int) -> tuple[list[Place], int]:
    """Return the panels' places below `top`, and the first line that is free under them."""
    places: list[Place] = []
    x, y, bottom = 0, top, top
    for panel in panels:
        width, height = _size(panel)
        if x + width > COLUMNS:
            x, y = 0, bottom
        places.append(Place(x=x, y=y, width=width, height=height))
        x, bottom = x + width, max(bottom, y + height)
    return places, bottom


def _size(panel: Panel) -> tuple[int, int]:
    width, height = _USUAL[type(panel.view)]
    width, height = panel.width or width, panel.height or height
    if width > COLUMNS:
        raise ValueError(f"panel {panel.title!r} is {width} columns wide; the grid has {COLUMNS}")
    return width, height
