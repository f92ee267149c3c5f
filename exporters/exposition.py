"""Writes samples as Prometheus reads them, in the text format and in OpenMetrics 1.0.

The two differ in their headers only, so the lines are written once for both. A series' name and
labels are written once in its life: what changes from one snapshot to the next is the number, and
mostly not even that.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from catalog.metrics import Kind, Metric
from exporters.sample import Sample

_EXACT = 2.0**53
"""Whole numbers below it are written without exponent or decimals."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lines:
    """The sample lines of one snapshot by metric, in the catalogue's order."""

    families: tuple[tuple[Metric, str], ...]
    duplicates: tuple[str, ...]
    """Series that came more than once; the first is kept, as two would spoil the whole scrape."""


_Line = tuple[str, float, str]
"""A series' name and labels, its last value, and the line that they make."""


class Writer:
    """Writes snapshot after snapshot; remembers each series of the last one."""

    def __init__(self, order: Iterable[Metric]) -> None:
        """Take the metrics in the order they are to be written."""
        self._order = tuple(order)
        self._known: dict[tuple[str, tuple[str, ...]], _Line] = {}

    def write(self, samples: Iterable[Sample]) -> Lines:
        """Write the samples; within a metric they stay in the order they came."""
        known, fresh = self._known, dict[tuple[str, tuple[str, ...]], _Line]()
        lines: dict[str, list[str]] = {metric.name: [] for metric in self._order}
        duplicates = []
        for sample in samples:
            name = sample.metric.name
            series = (name, sample.labels)
            if series in fresh:
                duplicates.append(_series(sample).strip())
                continue
            line = known.get(series)
            if line is None or line[1] != sample.value:
                text = line[0] if line else _series(sample)
                line = text, sample.value, f"{text}{number(sample.value)}\n"
            fresh[series] = line
            lines[name].append(line[2])
        self._known = fresh
        families = ((metric, "".join(lines[metric.name])) for metric in self._order)
        return Lines(
            families=tuple((metric, text) for metric, text in families if text),
            duplicates=tuple(duplicates),
        )


def _series(sample: Sample) -> str:
    pairs = zip(sample.metric.labels, sample.labels, strict=True)
    labels = ",".join(f'{name}="{escape(value)}"' for name, value in pairs)
    return f"{sample.metric.name}{{{labels}}} " if labels else f"{sample.metric.name} "


def escape(value: str) -> str:
    """Escape a label value."""
    return value.replace("\\", r"\\").replace("\n", r"\n").replace('"', r"\"")


def number(value: float) -> str:
    """Return a finite number as both formats write it, exact."""
    if -_EXACT < value < _EXACT and value == (whole := int(value)):
        return str(whole)
    return repr(float(value))


def text(lines: Lines) -> str:
    """Return the exposition in the text format 0.0.4."""
    parts = []
    for metric, body in lines.families:
        described = metric.help.replace("\\", r"\\").replace("\n", r"\n")
        parts.append(f"# HELP {metric.name} {described}\n# TYPE {metric.name} {metric.kind}\n")
        parts.append(body)
    return "".join(parts)


def openmetrics(lines: Lines) -> str:
    """Return the exposition in OpenMetrics 1.0, without the `# EOF` that ends it."""
    parts = []
    for metric, body in lines.families:
        family = metric.name.removesuffix("_total") if metric.kind is Kind.COUNTER else metric.name
        # Another exporter's counter may lack the suffix that OpenMetrics demands.
        nameless = metric.kind is Kind.COUNTER and family == metric.name
        kind = "unknown" if nameless else metric.kind
        parts.append(f"# HELP {family} {escape(metric.help)}\n# TYPE {family} {kind}\n")
        if metric.unit and family.endswith(f"_{metric.unit}"):
            parts.append(f"# UNIT {family} {metric.unit}\n")
        parts.append(body)
    return "".join(parts)
