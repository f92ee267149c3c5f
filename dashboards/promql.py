"""Selectors and the few expressions that several panels share.

Every selector carries its dashboard's matchers, so that no panel can forget the cluster.
"""

from dataclasses import dataclass

from catalog.labels import CLUSTER, NODE
from catalog.metrics import Metric
from dashboards.settings import Settings

RANGE = "$__rate_interval"
"""Grafana's own window: at least four scrape intervals, so a rate never misses a sample."""
MILLISECOND, MICROSECOND = 1e-3, 1e-6
"""In seconds, for metrics of others that are not in base units."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """Which series a dashboard looks at: the matchers it draws from its variables."""

    cluster: str
    """The label that tells clusters apart."""
    job: str
    matchers: tuple[str, ...]

    def select(self, series: Metric | str, *more: str) -> str:
        """Return the selector of a metric, or of any other series, narrowed further by `more`."""
        name = series.name if isinstance(series, Metric) else series
        return f"{name}{{{','.join((*self.matchers, *more))}}}"

    def up(self) -> str:
        """Return the selector of the exporters' `up`."""
        return self.select("up", f'job="{self.job}"')

    def labels(self, *labels: str) -> str:
        """Return a label list for `by` or `on` that keeps clusters and nodes apart."""
        return f"({', '.join((self.cluster, NODE, *labels))})"


def fleet_scope(settings: Settings) -> Scope:
    """Return the scope of a dashboard that shows whole clusters."""
    return Scope(
        cluster=settings.cluster_label,
        job=settings.job,
        matchers=(f'{settings.cluster_label}=~"${CLUSTER}"',),
    )


def node_scope(settings: Settings) -> Scope:
    """Return the scope of a dashboard that shows one node."""
    fleet = fleet_scope(settings)
    return Scope(
        cluster=fleet.cluster, job=fleet.job, matchers=(*fleet.matchers, f'{NODE}="${NODE}"')
    )


def count(bad: str, among: str) -> str:
    """Return how many series of `bad` there are: 0 where only `among` has some.

    A bare `count()` returns nothing for none, `or vector(0)` returns 0 for a fleet nobody sees.
    """
    return f"count({bad}) or 0 * count({among})"


def increase(selector: str) -> str:
    """Return the increase of a counter over the step of the chart."""
    return f"increase({selector}[{RANGE}])"


def rate(selector: str) -> str:
    """Return the rate of a counter."""
    return f"rate({selector}[{RANGE}])"


def state_number(scope: Scope, metric: Metric, by: str, *more: str) -> str:
    """Return the state that is 1 as its place in `metric.states`, counted from 1.

    One series a thing instead of one a state, as a timeline wants it; 0 where no state is 1.
    """
    parts = []
    for number, state in enumerate(metric.states, start=1):
        selector = scope.select(metric, *more, f'state="{state}"')
        parts.append(f"{number} * {selector}")
    return f"sum by {by} ({' or '.join(parts)})"


def share_of(part: str, whole: str) -> str:
    """Return what share of something part of it is; nothing where there is none of it."""
    return f"{part} / ({whole} > 0)"


def quantile(scope: Scope, histogram: Metric, share: float, *by: str) -> str:
    """Return a quantile of a histogram over the step of the chart."""
    buckets = rate(scope.select(f"{histogram.name}_bucket"))
    return f"histogram_quantile({share:g}, sum by ({', '.join((*by, 'le'))}) ({buckets}))"
