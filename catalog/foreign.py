"""Metrics under the names that other exporters gave them, for dashboards that ask for those."""

from dataclasses import dataclass

from catalog.metrics import Kind, Metric


@dataclass(frozen=True, slots=True, kw_only=True)
class Foreign(Metric):
    """A metric of another exporter: its name, type and unit are that exporter's, not ours."""

    def __post_init__(self) -> None:
        """Refuse what would look like one of ours."""
        if self.name.startswith("railwatch_"):
            raise ValueError(f"{self.name}: is no other exporter's")


def foreign(name: str, kind: Kind, text: str, *, labels: tuple[str, ...], source: str) -> Foreign:
    """Return a metric of another exporter; `source` is what of ours it is worked out from."""
    return Foreign(name=name, kind=kind, unit="", labels=labels, help=text, source=source)
