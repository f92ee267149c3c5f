"""What a metric is: one typed record that exposition, documentation and rules take it from."""

from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    """Prometheus' metric types, as far as railwatch uses them."""

    GAUGE = "gauge"
    COUNTER = "counter"
    HISTOGRAM = "histogram"


@dataclass(frozen=True, slots=True, kw_only=True)
class Metric:
    """One metric family.

    `labels` are the exporter's own, in exposition order; `node` and `instance` are set by the
    scrape. `unit` is the base unit in the name, or "" for a bare number. A counter's name ends in
    `_total`, no other's does.
    """

    name: str
    kind: Kind
    unit: str
    labels: tuple[str, ...]
    help: str
    source: str
    states: tuple[str, ...] = ()
    """The closed set of values of the label `state`, where the metric has one."""

    def __post_init__(self) -> None:
        """Refuse a name that breaks the naming rules, at import and so in every test."""
        if self.name.endswith("_total") != (self.kind is Kind.COUNTER):
            raise ValueError(f"{self.name}: _total stands on counters, and only there")
        if self.unit and self.unit not in self.name:
            raise ValueError(f"{self.name}: its unit {self.unit} is missing from the name")
        if not self.name.startswith("railwatch_"):
            raise ValueError(f"{self.name}: metrics begin with railwatch_")


def gauge(  # noqa: PLR0913 - a record's fields, all but the first two by keyword
    name: str,
    text: str,
    *,
    labels: tuple[str, ...] = (),
    unit: str = "",
    source: str,
    states: tuple[str, ...] = (),
) -> Metric:
    """Return a gauge."""
    return Metric(
        name=name,
        kind=Kind.GAUGE,
        unit=unit,
        labels=labels,
        help=text,
        source=source,
        states=states,
    )


def counter(
    name: str, text: str, *, labels: tuple[str, ...] = (), unit: str = "", source: str
) -> Metric:
    """Return a counter."""
    return Metric(name=name, kind=Kind.COUNTER, unit=unit, labels=labels, help=text, source=source)
