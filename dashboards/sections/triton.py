"""Models that Triton serves, by namespace and model."""

from catalog import neighbours_jobs as jobs
from catalog import neighbours_serving as serving
from catalog.labels import NAMESPACE
from catalog.metrics import Metric
from dashboards.model import Panel, Section, Step, Unit
from dashboards.panels import chart
from dashboards.promql import MICROSECOND, MILLISECOND, Scope, quantile, rate, share_of

_NO_TRITON = "Triton is not scraped."
_IDLE = "Triton is not scraped, or was asked nothing in this time range."
_MODEL = (NAMESPACE, "model")
_BY = ", ".join(_MODEL)
_NAME = "{{namespace}}/{{model}}"


def section(scope: Scope) -> Section:
    """Show load, failures and times."""
    return Section(title="Triton", panels=(*_load(scope), *_times(scope)))


def _each(scope: Scope, metric: Metric) -> str:
    return f"sum by ({_BY}) ({rate(scope.select(metric))})"


def _load(scope: Scope) -> tuple[Panel, ...]:
    served, failed = _each(scope, jobs.TRITON_SERVED), _each(scope, jobs.TRITON_FAILED)
    return (
        chart(
            "Requests answered",
            f"{jobs.TRITON_SERVED.help} A second.",
            {_NAME: served},
            unit=Unit.PER_SECOND,
            none=_NO_TRITON,
            width=8,
        ),
        chart(
            "Requests that failed",
            "Share of the requests that a model did not answer.",
            {_NAME: share_of(failed, f"({served} + {failed})")},
            unit=Unit.RATIO,
            none=_IDLE,
            steps=(Step(value=0.05, color="red"),),
            width=8,
        ),
        chart(
            "Requests waiting",
            serving.TRITON_PENDING.help,
            {_NAME: f"sum by ({_BY}) ({scope.select(serving.TRITON_PENDING)})"},
            none=_NO_TRITON,
            width=8,
        ),
    )


def _times(scope: Scope) -> tuple[Panel, ...]:
    served = _each(scope, jobs.TRITON_SERVED)
    whole, queued = (
        f"{MICROSECOND} * {share_of(_each(scope, metric), served)}"
        for metric in (serving.TRITON_DURATION, serving.TRITON_QUEUED)
    )
    first = quantile(scope, serving.TRITON_FIRST, 0.95, *_MODEL)
    return (
        chart(
            "Time of a request, mean",
            f"{serving.TRITON_DURATION.help} {serving.TRITON_QUEUED.help} By the requests that "
            "were answered.",
            {_NAME: whole, f"{_NAME} waiting": queued},
            unit=Unit.SECONDS,
            none=_IDLE,
        ),
        chart(
            "Time to first response, 95th percentile",
            f"{serving.TRITON_FIRST.help} Of models that answer piece by piece.",
            {_NAME: f"{MILLISECOND} * {first}"},
            unit=Unit.SECONDS,
            none="Triton is not scraped, or is not told --metrics-config histogram_latencies=true.",
        ),
    )
