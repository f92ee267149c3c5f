"""Panels in one line each: what most of them have in common is said here once."""

from collections.abc import Mapping, Sequence

from catalog.metrics import Metric
from dashboards.model import (
    Bars,
    Chart,
    Column,
    Figure,
    Listing,
    Panel,
    Query,
    Step,
    Unit,
    Value,
)

ANY_BAD = (Step(value=1, color="red"),)
ANY_ODD = (Step(value=1, color="orange"),)

_UNITS = {
    "ratio": Unit.RATIO,
    "bytes": Unit.BYTES,
    "celsius": Unit.CELSIUS,
    "watts": Unit.WATTS,
    "seconds": Unit.SECONDS,
    "hertz": Unit.HERTZ,
    "bytes_per_second": Unit.BYTES_PER_SECOND,
}

Queries = Mapping[str, str]
"""Expressions by their legends."""


def unit_of(metric: Metric) -> Unit:
    """Return the unit that a metric is shown in where it is shown as it is."""
    return _UNITS.get(metric.unit, Unit.NUMBER)


def figure(  # noqa: PLR0913 - a panel's fields, all but the first three by keyword
    title: str,
    text: str,
    expr: str,
    *,
    none: str,
    unit: Unit = Unit.NUMBER,
    steps: Sequence[Step] = (),
    trend: bool = False,
    values: tuple[Value, ...] = (),
    width: int = 0,
) -> Panel:
    """Return one number; `none` is what it says where there is none."""
    return Panel(
        title=title,
        description=text,
        unit=unit,
        view=Figure(trend=trend, values=values),
        queries=(Query(expr=expr),),
        no_data=none,
        thresholds=tuple(steps),
        width=width,
    )


def chart(  # noqa: PLR0913 - a panel's fields, all but the first three by keyword
    title: str,
    text: str,
    queries: Queries,
    *,
    none: str,
    unit: Unit = Unit.NUMBER,
    view: Chart | None = None,
    steps: Sequence[Step] = (),
    width: int = 0,
    height: int = 0,
) -> Panel:
    """Return series over time."""
    return Panel(
        title=title,
        description=text,
        unit=unit,
        view=view or Chart(),
        queries=tuple(Query(expr=expr, legend=legend) for legend, expr in queries.items()),
        no_data=none,
        thresholds=tuple(steps),
        width=width,
        height=height,
    )


def table(  # noqa: PLR0913 - a panel's fields, all but the first four by keyword
    title: str,
    text: str,
    columns: Sequence[Column],
    exprs: Sequence[str],
    *,
    none: str,
    unit: Unit = Unit.NONE,
    width: int = 0,
    height: int = 0,
) -> Panel:
    """Return a table of series as they are now; several expressions are merged row by row."""
    return Panel(
        title=title,
        description=text,
        unit=unit,
        view=Listing(columns=tuple(columns)),
        queries=tuple(Query(expr=expr) for expr in exprs),
        no_data=none,
        width=width,
        height=height,
    )


def bars(  # noqa: PLR0913 - a panel's fields, all but the first four by keyword
    title: str,
    text: str,
    expr: str,
    legend: str,
    *,
    none: str,
    unit: Unit = Unit.NUMBER,
    steps: Sequence[Step] = (),
    maximum: float | None = None,
    width: int = 0,
    height: int = 0,
) -> Panel:
    """Return one bar a series, as they are now."""
    return Panel(
        title=title,
        description=text,
        unit=unit,
        view=Bars(maximum=maximum),
        queries=(Query(expr=expr, legend=legend),),
        no_data=none,
        thresholds=tuple(steps),
        width=width,
        height=height,
    )
