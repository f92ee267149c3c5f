"""One dashboard as one picture."""

import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from PIL import Image

from dashboards.preview.asking import Asker
from dashboards.preview.canvas import FAINT, MARGIN, TEXT, WIDTH, Box, Canvas
from dashboards.preview.views import VIEWS

COLORS = 72
"""Of the picture; few, so that it is small."""

_HIDDEN = "datasource"


def draw(dashboard: Mapping[str, Any], asker: Asker, path: Path) -> None:
    """Ask for every panel and write the picture; OSError where Prometheus does not answer."""
    panels = dashboard["panels"]
    canvas = Canvas(max(panel["gridPos"]["y"] + panel["gridPos"]["h"] for panel in panels))
    _head(canvas, dashboard, asker)
    for panel in panels:
        box = canvas.place(panel["gridPos"])
        if panel["type"] == "row":
            canvas.text(box.x + 4, box.y + box.height / 2 + 2, f"▾  {panel['title']}", size=10.5,
                        weight="bold")  # fmt: skip
        else:
            _panel(canvas, box, panel, asker)
    _save(canvas, path)


def _head(canvas: Canvas, dashboard: Mapping[str, Any], asker: Asker) -> None:
    canvas.text(MARGIN + 4, 22, dashboard["title"], size=15, weight="bold")
    canvas.text(MARGIN + 4, 46, dashboard["description"], size=9, width=1300, color=FAINT)
    x = float(MARGIN + 4)
    for variable in dashboard["templating"]["list"]:
        if variable["name"] == _HIDDEN:
            continue
        value = asker.chosen.get(variable["name"], "")
        text = f"{variable['label']}:  {'All' if value == '.*' else value}"
        width = 7.4 * len(text) + 18
        canvas.box(Box(x=x, y=60, width=width, height=22))
        canvas.text(x + 9, 71, text, size=8.5)
        x += width + 8
    span = f"Last {asker.hours:g} hours"
    canvas.text(WIDTH - MARGIN - 4, 22, span, size=9.5, ha="right", color=TEXT)


def _panel(canvas: Canvas, box: Box, panel: Mapping[str, Any], asker: Asker) -> None:
    canvas.box(box)
    canvas.text(box.x + 10, box.y + 14, panel["title"], width=box.width - 16, weight="bold")
    answers = [answer for target in panel["targets"] for answer in asker.answers(target)]
    if answers:
        VIEWS[panel["type"]](canvas, box, panel, answers, asker)
    else:
        words = panel["fieldConfig"]["defaults"]["noValue"]
        canvas.text(box.x + box.width / 2, box.y + box.height / 2 + 8, words, size=9,
                    width=box.width - 16, ha="center", color=FAINT)  # fmt: skip


def _save(canvas: Canvas, path: Path) -> None:
    file = io.BytesIO()
    canvas.figure.savefig(file, format="png", facecolor=canvas.figure.get_facecolor())
    with Image.open(file) as full:
        small = full.convert("RGB").quantize(colors=COLORS, dither=Image.Dither.NONE)
        small.save(path, optimize=True)
