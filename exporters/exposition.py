"""Writes samples as Prometheus reads them, in the text format and in OpenMetrics 1.0.

The two differ in their headers only, so the lines are written once for both. A series' name and
labels are written once in its life: what changes from one snapshot to the next is the number, and
mostly not even that.
"""

from array import array
from collections.abc import Iterable
from dataclasses import dataclass

from catalog.metrics import Kind, Metric
from exporters.sample import Sample, others

_EXACT = 2.0**53
"""Whole numbers below it are written without exponent or decimals."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lines:
    """The sample lines of one snapshot by metric, in the catalogue's order."""

    families: tuple[tuple[Metric, str], ...]
    duplicates: tuple[str, ...]
    """Series that came more than once; the first is kept, as two would spoil the whole scrape."""


Samples = tuple[Sample, ...]


class Writer:
    """Writes snapshot after snapshot; remembers each series of the last one.

    Most snapshots tell the series of the one before, in the same order. Then nothing is looked up:
    the lines whose numbers are others are written anew, and of the metrics those that have such.
    """

    def __init__(self, order: Iterable[Metric]) -> None:
        """Take the metrics in the order they are to be written."""
        self._order = tuple(order)
        self._samples: Samples = ()
        self._places = array("I")
        """By sample, where in its metric's lines its own is; `_NOWHERE` for a duplicate."""
        self._lines: dict[str, list[str]] = {metric.name: [] for metric in self._order}
        self._texts: dict[str, str] = {}
        self._duplicates: tuple[str, ...] = ()

    def write(self, samples: Iterable[Sample]) -> Lines:
        """Write the samples; within a metric they stay in the order they came."""
        now = tuple(samples)
        places = others(self._samples, now)
        if places is None:
            self._begin(now)
        else:
            self._renew(now, places)
        self._samples = now
        families = ((metric, self._texts.get(metric.name)) for metric in self._order)
        return Lines(
            families=tuple((metric, text) for metric, text in families if text),
            duplicates=self._duplicates,
        )

    def _renew(self, now: Samples, places: list[int]) -> None:
        """Write the lines of the samples at these places."""
        touched = set()
        for at in places:
            name, place = now[at].metric.name, self._places[at]
            if place != _NOWHERE:
                lines = self._lines[name]
                lines[place] = f"{_head(lines[place])} {number(now[at].value)}\n"
                touched.add(name)
        for name in touched:
            self._texts[name] = "".join(self._lines[name])

    def _begin(self, now: Samples) -> None:
        """Write all lines, with the names and labels of series that were there before."""
        known = {
            (sample.metric.name, sample.labels): _head(self._lines[sample.metric.name][place])
            for sample, place in zip(self._samples, self._places, strict=True)
            if place != _NOWHERE
        }
        self._lines = {metric.name: [] for metric in self._order}
        self._places = array("I")
        seen, duplicates = set(), list[str]()
        for sample in now:
            series = (sample.metric.name, sample.labels)
            head = known.get(series) or _series(sample)
            if series in seen:
                duplicates.append(head)
                self._places.append(_NOWHERE)
                continue
            seen.add(series)
            lines = self._lines[sample.metric.name]
            self._places.append(len(lines))
            lines.append(f"{head} {number(sample.value)}\n")
        self._texts = {name: "".join(lines) for name, lines in self._lines.items()}
        self._duplicates = tuple(duplicates)


_NOWHERE = (1 << 32) - 1


def _head(line: str) -> str:
    """Return the name and labels of a line: a number has no blank."""
    return line[: line.rindex(" ")]


def _series(sample: Sample) -> str:
    pairs = zip(sample.metric.labels, sample.labels, strict=True)
    labels = ",".join(f'{name}="{escape(value)}"' for name, value in pairs)
    return f"{sample.metric.name}{{{labels}}}" if labels else sample.metric.name


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
