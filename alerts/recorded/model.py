"""What a recording rule is, and what users set about them."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from catalog.fleet import Recorded
from catalog.labels import CLUSTER


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One recording rule; `labels` are those that it sets itself.

    ValueError, at import and so in every test, for a label that the series has not.
    """

    metric: Recorded
    expr: str
    labels: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Refuse labels that the catalogue does not tell of."""
        if not set(self.labels) <= set(self.metric.labels):
            raise ValueError(f"{self.metric.name} has labels {self.metric.labels} only")


@dataclass(frozen=True, slots=True, kw_only=True)
class Objectives:
    """What share of all should be good."""

    goodput: float = 0.99
    """Share of GPU-hours that should not be lost to faults."""
    telemetry: float = 0.99
    """Share of node-hours in which everything of the node should be observed."""

    def __post_init__(self) -> None:
        """Refuse an objective that leaves no room for errors; ValueError names the key."""
        for name in ("goodput", "telemetry"):
            if not 0 < getattr(self, name) < 1:
                raise ValueError(f"{name}: must be more than 0 and less than 1")


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordingSettings:
    """What the recording rules are told by the user."""

    cluster_label: str = CLUSTER
    """Label that tells clusters apart."""
    objectives: Objectives = Objectives()
    prices: Mapping[str, float] = field(default_factory=dict)
    """What a GPU costs an hour, by instance type; `unknown` is for nodes that tell none."""
    teams: Mapping[str, str] = field(default_factory=dict)
    """The team that each namespace belongs to."""

    def __post_init__(self) -> None:
        """Refuse a price below zero; ValueError names the key."""
        for kind, price in self.prices.items():
            if price < 0:
                raise ValueError(f"prices.{kind}: must not be negative")

    def by(self, *labels: str) -> str:
        """Return a label list for `by` or `on` that keeps clusters apart."""
        return f"({', '.join((self.cluster_label, *labels))})"
