"""Large language models that vLLM serves, by namespace and model."""

from catalog import neighbours_jobs as jobs
from catalog import neighbours_serving as serving
from catalog.labels import NAMESPACE
from catalog.metrics import Metric
from dashboards.model import Chart, Panel, Section, Step, Unit
from dashboards.panels import chart
from dashboards.promql import Scope, increase, quantile, rate, share_of

NO_VLLM = "vLLM is not scraped."
_NO_REQUEST = "vLLM is not scraped, or was asked nothing in this time range."
_MODEL = (NAMESPACE, "model_name")
_BY = ", ".join(_MODEL)
_NAME = "{{namespace}}/{{model_name}}"
FULL = (Step(value=0.8, color="orange"), Step(value=0.95, color="red"))
"""From the second on requests are put back and computed twice, as the alert has it."""
_LONG_QUEUE = (Step(value=20, color="orange"),)
"""Requests that wait before one engine, as the alert has it."""


def section(scope: Scope) -> Section:
    """Show load, times, memory and ends of requests."""
    return Section(title="vLLM", panels=(*_load(scope), *_times(scope), *_work(scope)))


def cache(scope: Scope) -> str:
    """Return the use of each engine's cache, under the name it has or had before."""
    return " or ".join(map(scope.select, (jobs.VLLM_CACHE, jobs.VLLM_CACHE_BEFORE)))


def next_token(scope: Scope, share: float) -> str:
    """Return a quantile of the time between tokens, under the name it has or had before."""
    metrics = (serving.VLLM_NEXT_TOKEN, serving.VLLM_NEXT_TOKEN_BEFORE)
    return " or ".join(quantile(scope, metric, share, *_MODEL) for metric in metrics)


def _load(scope: Scope) -> tuple[Panel, ...]:
    return (
        chart(
            "Requests running",
            serving.VLLM_RUNNING.help,
            {_NAME: f"sum by ({_BY}) ({scope.select(serving.VLLM_RUNNING)})"},
            none=NO_VLLM,
            view=Chart(stacked=True),
            width=8,
        ),
        chart(
            "Requests waiting, an engine",
            f"{jobs.VLLM_WAITING.help} On average of a model's engines.",
            {_NAME: f"avg by ({_BY}) ({scope.select(jobs.VLLM_WAITING)})"},
            none=NO_VLLM,
            steps=_LONG_QUEUE,
            width=8,
        ),
        chart(
            "KV cache in use",
            f"{jobs.VLLM_CACHE.help} On average of a model's engines; when it is full, requests "
            "are put back and computed twice.",
            {_NAME: f"avg by ({_BY}) ({cache(scope)})"},
            unit=Unit.RATIO,
            none=NO_VLLM,
            view=Chart(maximum=1),
            steps=FULL,
            width=8,
        ),
    )


def _two(scope: Scope, metric: Metric) -> dict[str, str]:
    return {
        f"{_NAME} median": quantile(scope, metric, 0.5, *_MODEL),
        f"{_NAME} 95 %": quantile(scope, metric, 0.95, *_MODEL),
    }


def _times(scope: Scope) -> tuple[Panel, ...]:
    next_tokens = {
        f"{_NAME} median": next_token(scope, 0.5),
        f"{_NAME} 95 %": next_token(scope, 0.95),
    }
    return tuple(
        chart(
            title,
            f"{metric.help} Median and 95th percentile.",
            queries,
            unit=Unit.SECONDS,
            none=_NO_REQUEST,
        )
        for title, metric, queries in (
            (
                "Time to first token",
                serving.VLLM_FIRST_TOKEN,
                _two(scope, serving.VLLM_FIRST_TOKEN),
            ),
            ("Time to the next token", serving.VLLM_NEXT_TOKEN, next_tokens),
            ("Whole requests", serving.VLLM_WHOLE, _two(scope, serving.VLLM_WHOLE)),
            ("Time in the queue", serving.VLLM_QUEUED, _two(scope, serving.VLLM_QUEUED)),
        )
    )


def _work(scope: Scope) -> tuple[Panel, ...]:
    def each(metric: Metric) -> str:
        return f"sum by ({_BY}) ({rate(scope.select(metric))})"

    ended = rate(scope.select(serving.VLLM_ENDED))
    preempted = increase(scope.select(serving.VLLM_PREEMPTED))
    found = share_of(each(serving.VLLM_PREFIX_HITS), each(serving.VLLM_PREFIX_QUERIES))
    return (
        chart(
            "Tokens",
            f"{serving.VLLM_READ.help} {serving.VLLM_WRITTEN.help} A second.",
            {
                f"{_NAME} read": each(serving.VLLM_READ),
                f"{_NAME} written": each(serving.VLLM_WRITTEN),
            },
            unit=Unit.PER_SECOND,
            none=NO_VLLM,
        ),
        chart(
            "Requests that ended, by why",
            f"{serving.VLLM_ENDED.help} A second.",
            {"{{finished_reason}}": f"sum by (finished_reason) ({ended})"},
            unit=Unit.PER_SECOND,
            none=NO_VLLM,
            view=Chart(stacked=True),
        ),
        chart(
            "Requests put back",
            f"{serving.VLLM_PREEMPTED.help} Shown: the increase in each window.",
            {_NAME: f"sum by ({_BY}) ({preempted})"},
            none=NO_VLLM,
            view=Chart(bars=True, stacked=True),
        ),
        chart(
            "Prompts known from earlier ones",
            "Share of the prompts' tokens that had not to be computed again.",
            {_NAME: found},
            unit=Unit.RATIO,
            none="vLLM is not scraped, or caches no prefixes.",
            view=Chart(maximum=1),
        ),
    )
