"""Grafana's grid in the dark, drawn by Matplotlib: colours, boxes, text that is cut to fit."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import FancyBboxPatch

WIDTH, UNIT = 1500, 36
"""Pixels of the picture's width, and of a line of the grid."""
DPI = 100
MARGIN, GAP, HEAD = 14, 5, 92
TITLE = 26

PAGE, BOX, EDGE, TEXT, FAINT = "#111217", "#181b1f", "#2c3235", "#d8d9da", "#8e8e8e"
LINK = "#6e9fff"
PALETTE = (
    "#73bf69", "#f2cc0c", "#5794f2", "#ff9830", "#b877d9", "#8ab8ff", "#f2495c", "#37872d",
    "#ffa6b0", "#fade2a", "#3274d9", "#a352cc", "#96d98d", "#e02f44", "#fa6400", "#c0d8ff",
)  # fmt: skip
NAMED = {
    "green": "#73bf69", "red": "#f2495c", "orange": "#ff9830", "yellow": "#f2cc0c",
    "blue": "#5794f2", "purple": "#b877d9", "dark-red": "#c4162a", "text": TEXT, "link": LINK,
}  # fmt: skip


def color(name: str) -> str:
    """Return the colour that Grafana means by a name."""
    return NAMED.get(name, name)


@dataclass(frozen=True, slots=True, kw_only=True)
class Box:
    """A panel's place in pixels, from the top left."""

    x: float
    y: float
    width: float
    height: float


class Canvas:
    """One picture of so many lines of the grid."""

    def __init__(self, lines: int) -> None:
        """Prepare an empty page."""
        self.height = HEAD + lines * UNIT + MARGIN
        self.figure = Figure(figsize=(WIDTH / DPI, self.height / DPI), dpi=DPI, facecolor=PAGE)
        self._page = self.figure.add_axes((0, 0, 1, 1))
        self._page.set_xlim(0, WIDTH)
        self._page.set_ylim(self.height, 0)
        self._page.axis("off")

    def place(self, at: Mapping[str, int]) -> Box:
        """Return where a place of the grid is in the picture."""
        column = (WIDTH - 2 * MARGIN) / 24
        return Box(
            x=MARGIN + at["x"] * column + GAP / 2,
            y=HEAD + at["y"] * UNIT + GAP / 2,
            width=at["w"] * column - GAP,
            height=at["h"] * UNIT - GAP,
        )

    def box(self, box: Box, fill: str = BOX, edge: str = EDGE) -> None:
        """Draw a panel's background."""
        self._page.add_patch(
            FancyBboxPatch(
                (box.x, box.y), box.width, box.height, boxstyle="round,pad=0,rounding_size=3",
                linewidth=0.8, facecolor=fill, edgecolor=edge,
            )
        )  # fmt: skip

    def text(
        self, x: float, y: float, text: str, *, size: float = 9, width: float = 0, **style: Any
    ) -> None:
        """Write a line from its left middle, cut where it would be wider than `width` pixels."""
        style = {"color": TEXT, "ha": "left", "va": "center"} | style
        self._page.text(x, y, fitted(text, width, size), fontsize=size, clip_on=True, **style)

    def line(self, xs: Sequence[float], ys: Sequence[float], **style: Any) -> None:
        """Draw a line in the page's own pixels."""
        self._page.plot(xs, ys, **style)

    def bar(self, box: Box, fill: str) -> None:
        """Fill a rectangle."""
        self._page.fill_between([box.x, box.x + box.width], box.y, box.y + box.height, color=fill,
                                linewidth=0)  # fmt: skip

    def axes(self, box: Box) -> Axes:
        """Return axes that fill a box."""
        return self.figure.add_axes(
            (
                box.x / WIDTH,
                1 - (box.y + box.height) / self.height,
                box.width / WIDTH,
                box.height / self.height,
            ),
            facecolor="none",
        )


def fitted(text: str, width: float, size: float) -> str:
    """Return as much of a text as is about so many pixels wide; 0 means all of it."""
    most = int(width / (size * 0.76)) if width else len(text)
    return text if len(text) <= most else text[: max(1, most - 1)].rstrip() + "…"
