"""Values as Grafana writes them, by its ids of units."""

import math
from collections.abc import Callable
from datetime import UTC, datetime

_SI = ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k"))
_SHORT = ((1e12, " Tri"), (1e9, " Bil"), (1e6, " Mil"), (1e3, " K"))
_IEC = tuple(
    (2.0**power, f" {name}iB") for power, name in ((40, "T"), (30, "G"), (20, "M"), (10, "K"))
)
_SPANS = ((86_400.0, "d"), (3_600.0, "h"), (60.0, "min"))


def _figure(value: float) -> str:
    if value == 0 or abs(value) >= 100:  # noqa: PLR2004 - three figures
        return f"{value:.0f}"
    return f"{value:.3g}"


def _scaled(value: float, steps: tuple[tuple[float, str], ...], base: str = "") -> str:
    for size, name in steps:
        if abs(value) >= size:
            return f"{_figure(value / size)}{name}"
    return f"{_figure(value)}{base}"


def _metric(unit: str) -> Callable[[float], str]:
    steps = tuple((size, f" {name}{unit}") for size, name in _SI)
    return lambda value: _scaled(value, steps, f" {unit}")


def _seconds(value: float) -> str:
    if 0 < abs(value) < 1:
        small = ((1e-3, "ms"), (1e-6, "µs"))
        size, name = next((pair for pair in small if abs(value) >= pair[0]), small[-1])
        return f"{_figure(value / size)} {name}"
    for size, name in _SPANS:
        if abs(value) >= size:
            return f"{_figure(value / size)} {name}"
    return f"{_figure(value)} s"


def _duration(value: float) -> str:
    days, rest = divmod(int(value), 86_400)
    return f"{days} d {rest // 3600} h" if days else f"{rest // 3600} h {rest % 3600 // 60} min"


def _moment(value: float) -> str:
    return datetime.fromtimestamp(value / 1000, UTC).strftime("%Y-%m-%d %H:%M")


_FORMATS: dict[str, Callable[[float], str]] = {
    "short": lambda value: _scaled(value, _SHORT),
    "none": _figure,
    "percentunit": lambda value: f"{_figure(100 * value)} %",
    "bytes": lambda value: _scaled(value, _IEC, " B"),
    "Bps": _metric("B/s"),
    "celsius": lambda value: f"{_figure(value)} °C",
    "hertz": _metric("Hz"),
    "cps": _metric("c/s"),
    "sci": lambda value: f"{value:.1e}",
    "watt": _metric("W"),
    "kwatth": lambda value: f"{_figure(value)} kWh",
    "s": _seconds,
    "dtdurations": _duration,
    "dateTimeAsIso": _moment,
}


def shown(value: float, unit: str) -> str:
    """Return a value in a unit; KeyError for a unit that no panel of ours has."""
    return "-" if math.isnan(value) else _FORMATS[unit](value)
