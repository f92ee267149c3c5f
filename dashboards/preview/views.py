"""How each kind of panel looks."""

import math
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any, Literal

from matplotlib.axes import Axes
from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator, MultipleLocator

from dashboards.preview.asking import Answer, Asker
from dashboards.preview.canvas import EDGE, FAINT, LINK, PALETTE, TEXT, TITLE, Box, Canvas, color
from dashboards.preview.rows import table
from dashboards.preview.units import shown

Panel = Mapping[str, Any]
_ROW, _LEGEND = 21, 15
_MOST_NAMED = 8
_FEW = 4


def inside(box: Box) -> Box:
    """Return what is left below a panel's title."""
    return Box(x=box.x + 10, y=box.y + TITLE, width=box.width - 20, height=box.height - TITLE - 6)


def _step(panel: Panel, value: float) -> str:
    steps = panel["fieldConfig"]["defaults"]["thresholds"]["steps"]
    passed = [s["color"] for s in steps if s["value"] is None or value >= s["value"]]
    return color(passed[-1])


def _mapped(panel: Panel, value: float) -> tuple[str, str] | None:
    for mapping in panel["fieldConfig"]["defaults"].get("mappings", ()):
        if found := mapping["options"].get(f"{value:g}"):
            return found["text"], color(found["color"])
    return None


def stat(canvas: Canvas, box: Box, panel: Panel, answers: Sequence[Answer], _: Asker) -> None:
    """Draw one number, on its colour where it has thresholds, with its course behind it."""
    value = answers[0].last
    text, fill = _mapped(panel, value) or (
        shown(value, panel["fieldConfig"]["defaults"]["unit"]),
        _step(panel, value),
    )
    loud = panel["options"]["colorMode"] == "background"
    if loud:
        canvas.box(box, fill=fill, edge=fill)
        canvas.text(box.x + 10, box.y + 14, panel["title"], width=box.width - 16, weight="bold",
                    color="#ffffff")  # fmt: skip
    if panel["options"]["graphMode"] == "area" and len(answers[0].points) > 1:
        _trend(canvas, box, answers[0], "#ffffff" if loud else fill)
    middle = box.x + box.width / 2
    size = min(30.0, 1.15 * box.width / max(4, len(text)))
    canvas.text(middle, box.y + box.height * 0.58, text, size=size, ha="center", weight="bold",
                color="#ffffff" if loud else fill)  # fmt: skip


def _trend(canvas: Canvas, box: Box, answer: Answer, tint: str) -> None:
    axes = canvas.axes(
        Box(x=box.x, y=box.y + box.height * 0.62, width=box.width, height=box.height * 0.38)
    )
    times, values = zip(*answer.points, strict=True)
    axes.fill_between(times, values, min(0, *values), color=tint, alpha=0.22, linewidth=0)
    axes.plot(times, values, color=tint, alpha=0.6, linewidth=1)
    axes.set_xlim(times[0], times[-1])
    axes.axis("off")


def _style(panel: Panel, answer: Answer, number: int) -> dict[str, Any]:
    made: dict[str, Any] = {"color": PALETTE[number % len(PALETTE)], "dashed": False}
    for override in panel["fieldConfig"]["overrides"]:
        if override["matcher"]["options"] == answer.legend:
            for each in override["properties"]:
                if each["id"] == "color":
                    made["color"] = color(each["value"]["fixedColor"])
                made["dashed"] |= each["id"] == "custom.lineStyle"
    return made


def chart(canvas: Canvas, box: Box, panel: Panel, answers: Sequence[Answer], asker: Asker) -> None:
    """Draw series over time, stacked or not, with the largest named below."""
    ordered = sorted(answers, key=lambda answer: answer.legend)
    styles = [_style(panel, answer, number) for number, answer in enumerate(ordered)]
    area = inside(box)
    lines = min(_MOST_NAMED, len(ordered), max(1, int(area.height / 70)) * 2)
    depth = _LEGEND * ((lines + 1) // 2) + 18
    plot = Box(x=area.x + 48, y=area.y + 2, width=area.width - 56, height=area.height - depth)
    axes = canvas.axes(plot)
    _dress(axes, panel, asker)
    _series(axes, panel, ordered, styles)
    blank = not any(value for answer in ordered for _, value in answer.points)
    _limits(axes, panel, blank=blank)
    _legend(canvas, area, panel, list(zip(ordered, styles, strict=True)), lines)


def _dress(axes: Axes, panel: Panel, asker: Asker) -> None:
    unit = panel["fieldConfig"]["defaults"]["unit"]
    axes.set_xlim(asker.start, asker.end)
    axes.grid(color=EDGE, linewidth=0.6)
    axes.tick_params(colors=FAINT, labelsize=7.5, length=0)
    axes.xaxis.set_major_locator(MultipleLocator(_hour_step(asker.hours)))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: _clock(value)))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: shown(value, unit)))
    for spine in axes.spines.values():
        spine.set_visible(False)


def _hour_step(hours: float) -> float:
    return next(3600 * step for step in (0.5, 1, 2, 4, 24) if hours <= 6 * step or step == 24)  # noqa: PLR2004 - about six ticks


def _clock(value: float) -> str:
    return datetime.fromtimestamp(value, UTC).strftime("%H:%M")


def _series(
    axes: Axes, panel: Panel, answers: Sequence[Answer], styles: Sequence[Mapping[str, Any]]
) -> None:
    custom = panel["fieldConfig"]["defaults"]["custom"]
    stacked, bars = custom["stacking"]["mode"] == "normal", custom["drawStyle"] == "bars"
    base: dict[float, float] = {}
    for answer, style in zip(answers, styles, strict=True):
        times = [time for time, _ in answer.points]
        piled = stacked and not style["dashed"]
        below = [base.get(time, 0.0) if piled else 0.0 for time in times]
        upper = [low + value for low, (_, value) in zip(below, answer.points, strict=True)]
        lower = below if piled else [min(custom["axisSoftMin"], *upper)] * len(upper)
        if style["dashed"]:
            axes.plot(times, upper, color=style["color"], linewidth=1.2, linestyle=(0, (5, 4)))
            continue
        alpha = 0.65 if bars else 0.4 if stacked else 0.09 if len(answers) < _FEW else 0.015
        step: Literal["mid"] | None = "mid" if bars else None
        axes.fill_between(times, lower, upper, color=style["color"], alpha=alpha, linewidth=0,
                          step=step)  # fmt: skip
        if not bars:
            axes.plot(times, upper, color=style["color"], linewidth=1.2)
        base.update(zip(times, upper, strict=True) if stacked else ())


def _limits(axes: Axes, panel: Panel, *, blank: bool) -> None:
    defaults = panel["fieldConfig"]["defaults"]
    bottom, top = axes.get_ylim()
    if blank:
        bottom, top = 0, 1
    floor = min(defaults["custom"]["axisSoftMin"], bottom)
    ceiling = defaults["max"] if defaults.get("max") else top
    axes.set_ylim(floor, ceiling)
    if defaults["unit"] == "bytes":
        axes.yaxis.set_major_locator(FixedLocator(_binary(ceiling)))
    else:
        axes.yaxis.set_major_locator(MaxNLocator(4))
    for step in defaults["thresholds"]["steps"]:
        if step["value"] is not None and step["value"] < axes.get_ylim()[1]:
            axes.axhline(step["value"], color=color(step["color"]), linewidth=0.9,
                         linestyle=(0, (4, 4)))  # fmt: skip


def _binary(top: float) -> list[float]:
    """Return ticks that are round in powers of two."""
    step = 2.0 ** math.floor(math.log2(max(top, 4) / 3))
    return [step * number for number in range(5)]


def _legend(
    canvas: Canvas, area: Box, panel: Panel, named: Sequence[tuple[Answer, Any]], lines: int
) -> None:
    unit = panel["fieldConfig"]["defaults"]["unit"]
    shown_first = sorted(named, key=lambda pair: -pair[0].last)[:lines]
    half = area.width / 2
    top = area.y + area.height - _LEGEND * ((lines + 1) // 2)
    for number, (answer, style) in enumerate(shown_first):
        x, y = area.x + half * (number % 2), top + _LEGEND * (number // 2) + _LEGEND / 2
        canvas.line([x, x + 12], [y, y], color=style["color"], linewidth=2.5)
        value = shown(answer.last, unit)
        left = len(named) - lines if number == lines - 1 else 0
        more = f"  (+{left} more)" if left else ""
        name = f"{answer.legend or 'value'}  {value}{more}"
        canvas.text(x + 18, y, name, size=7.8, width=half - 26, color=TEXT)


def timeline(
    canvas: Canvas, box: Box, panel: Panel, answers: Sequence[Answer], asker: Asker
) -> None:
    """Draw one bar a series, coloured by its state."""
    area = inside(box)
    ordered = sorted(answers, key=lambda answer: answer.legend)
    depth = min(26.0, (area.height - 18) / len(ordered))
    left, width = area.x + 110, area.width - 112
    seen: dict[str, str] = {}
    for number, answer in enumerate(ordered):
        y = area.y + number * depth
        canvas.text(area.x, y + depth / 2, answer.legend, size=7.8, width=104, color=FAINT)
        for (time, value), (then, _) in _spans(answer, asker.end):
            text, tint = _mapped(panel, value) or (f"{value:g}", FAINT)
            seen[text] = tint
            start = left + width * (time - asker.start) / (asker.end - asker.start)
            length = width * (then - time) / (asker.end - asker.start)
            canvas.bar(Box(x=start, y=y + 2, width=length, height=depth - 4), tint)
    for number, (text, tint) in enumerate(seen.items()):
        x, y = left + 100 * number, area.y + area.height - 6
        canvas.line([x, x + 10], [y, y], color=tint, linewidth=5)
        canvas.text(x + 16, y, text, size=7.8, width=84)


def _spans(answer: Answer, end: float) -> list[tuple[tuple[float, float], tuple[float, float]]]:
    """Return each run of equal values with where it ends."""
    points = [*answer.points, (end, float("nan"))]
    starts = [points[0]]
    starts += [after for before, after in pairwise(points)
               if after[1] != before[1]]  # fmt: skip
    return list(pairwise(starts))


def bars(canvas: Canvas, box: Box, panel: Panel, answers: Sequence[Answer], _: Asker) -> None:
    """Draw one horizontal bar a series, the longest first."""
    area, defaults = inside(box), panel["fieldConfig"]["defaults"]
    ordered = sorted(answers, key=lambda answer: -answer.last)[: int(area.height // 26)]
    most = defaults.get("max") or max(answer.last for answer in ordered) or 1
    plain = len(defaults["thresholds"]["steps"]) == 1
    depth = min(34.0, area.height / len(ordered))
    left, width = area.x + 150, area.width - 230
    for number, answer in enumerate(ordered):
        y = area.y + number * depth + 4
        tint = PALETTE[2] if plain else _step(panel, answer.last)
        canvas.text(area.x, y + depth / 2 - 4, answer.legend or "value", size=8.2, width=145)
        canvas.bar(Box(x=left, y=y, width=width, height=depth - 8), "#22252b")
        length = width * min(1, max(0, answer.last / most))
        canvas.bar(Box(x=left, y=y, width=length, height=depth - 8), tint)
        text = shown(answer.last, defaults["unit"])
        canvas.text(left + width + 8, y + depth / 2 - 4, text, size=8.5, color=tint)


def listing(canvas: Canvas, box: Box, panel: Panel, answers: Sequence[Answer], _: Asker) -> None:
    """Draw a table: as many of its rows as fit."""
    area = inside(box)
    titles, rows = table(panel, answers)
    longest = [
        max([len(title), *(len(row[n].text) for row in rows)]) + 2 for n, title in enumerate(titles)
    ]
    edges = [area.x + area.width * sum(longest[:n]) / sum(longest) for n in range(len(titles) + 1)]
    for n, title in enumerate(titles):
        canvas.text(edges[n], area.y + 8, title, size=8.2, width=edges[n + 1] - edges[n],
                    color=LINK, weight="bold")  # fmt: skip
    fitting = max(0, int((area.height - 20) // _ROW))
    for number, row in enumerate(rows[:fitting]):
        y = area.y + 20 + number * _ROW
        canvas.line([area.x, area.x + area.width], [y, y], color=EDGE, linewidth=0.6)
        for n, cell in enumerate(row):
            tint = color(cell.color) if cell.color else TEXT
            width = edges[n + 1] - edges[n] - 4
            canvas.text(edges[n], y + _ROW / 2, cell.text, size=8.2, width=width, color=tint)
    if len(rows) > fitting:
        canvas.text(area.x + area.width, box.y + 14, f"{fitting} of {len(rows)} rows", size=7.5,
                    ha="right", color=FAINT)  # fmt: skip


VIEWS: Mapping[str, Callable[[Canvas, Box, Panel, Sequence[Answer], Asker], None]] = {
    "stat": stat,
    "timeseries": chart,
    "state-timeline": timeline,
    "bargauge": bars,
    "table": listing,
}
