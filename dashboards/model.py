"""What a dashboard says, free of Grafana's JSON: boards of sections of panels of queries.

A dashboard is written in these records; `dashboards.grafana` alone knows what Grafana calls them.
"""

from dataclasses import dataclass
from enum import StrEnum


class Unit(StrEnum):
    """Grafana's ids of the units we show; values arrive in base units and Grafana scales them."""

    NUMBER = "short"
    NONE = "none"
    RATIO = "percentunit"
    BYTES = "bytes"
    BYTES_PER_SECOND = "Bps"
    CELSIUS = "celsius"
    HERTZ = "hertz"
    PER_SECOND = "cps"
    SCIENTIFIC = "sci"
    WATTS = "watt"
    KILOWATT_HOURS = "kwatth"
    SECONDS = "s"
    DURATION = "dtdurations"
    TIME = "dateTimeAsIso"
    """Takes milliseconds: multiply a `…_timestamp_seconds` by 1000."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """One PromQL expression; `legend` names series by their labels, as `{{gpu}}`."""

    expr: str
    legend: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """From `value` on, a figure is shown in `color`."""

    value: float
    color: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    """Series over time. `fixed` gives a series, by its legend, always the same colour."""

    stacked: bool = False
    bars: bool = False
    minimum: float = 0
    """Where the axis begins unless something lies below."""
    maximum: float | None = None
    fixed: tuple[tuple[str, str], ...] = ()
    dashed: tuple[str, ...] = ()
    """Legends of series drawn as a dashed limit rather than as a reading."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Value:
    """What a number that stands for a state means."""

    number: int
    text: str
    color: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One number, as it is now; with `trend` its course lies faintly behind it."""

    trend: bool = False
    values: tuple[Value, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeline:
    """States over time, one bar a series."""

    values: tuple[Value, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """One column of a listing: the label (or `Value`) it shows, its heading, where it leads."""

    field: str
    title: str
    link: str = ""
    unit: Unit | None = None
    colors: tuple[tuple[str, str], ...] = ()
    """(cell text, colour) of cells to colour."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """A table of the series as they are now; only the columns named are shown, in this order."""

    columns: tuple[Column, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Bars:
    """One bar a series, as they are now, to be compared with each other."""

    maximum: float | None = None


View = Chart | Figure | Timeline | Listing | Bars


@dataclass(frozen=True, slots=True, kw_only=True)
class Panel:
    """One panel. `no_data` is what it says when the query returns nothing: what that means here.

    Sizes are in Grafana's grid of 24 columns; 0 takes the view's usual size.
    """

    title: str
    description: str
    unit: Unit
    view: View
    queries: tuple[Query, ...]
    no_data: str
    thresholds: tuple[Step, ...] = ()
    width: int = 0
    height: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """Panels under one heading, laid out from left to right in the order given."""

    title: str
    panels: tuple[Panel, ...]
    collapsed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Variable:
    """A choice at the top of a dashboard, filled from a label's values.

    With `many`, several or All may be chosen, so selectors must match it with `=~`; All matches
    everything, series without the label too.
    """

    name: str
    title: str
    query: str
    many: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Board:
    """One dashboard. `uid` is fixed for ever: links and bookmarks hold it."""

    uid: str
    title: str
    description: str
    variables: tuple[Variable, ...]
    sections: tuple[Section, ...]
    annotations: tuple[Query, ...] = ()
    """Queries whose series are marked on every chart while they last; the legend is the text."""
    range: str = "now-6h"
