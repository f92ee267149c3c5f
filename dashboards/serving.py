"""Serving models: what waits, how long answers take, what fails, whatever program answers."""

from catalog import neighbours_jobs as jobs
from catalog import neighbours_serving as serving
from catalog.labels import NAMESPACE
from dashboards import variables
from dashboards.links import SERVING_UID, to_namespace
from dashboards.model import Board, Column, Panel, Section, Step, Unit
from dashboards.panels import figure, table
from dashboards.promql import Scope, fleet_scope, quantile, rate, share_of
from dashboards.sections import faults, ray, triton, vllm
from dashboards.settings import Settings

_NOBODY = "no server scraped"


def dashboard(settings: Settings) -> Board:
    """Describe the dashboard of serving."""
    fleet = fleet_scope(settings)
    scope = Scope(
        cluster=fleet.cluster,
        job=fleet.job,
        matchers=(*fleet.matchers, variables.chosen(NAMESPACE)),
    )
    return Board(
        uid=SERVING_UID,
        title="railwatch / Serving",
        description="What vLLM, Triton and Ray serve: requests that run and wait, times to the "
        "first and the next token, use of caches, errors. Each part is silent where its program "
        "does not run.",
        variables=(variables.cluster(settings), variables.namespace(fleet)),
        sections=(
            Section(title="Now", panels=(*_now(scope), _models(scope))),
            vllm.section(scope),
            triton.section(scope),
            ray.serve(scope),
            ray.cluster(scope),
        ),
        annotations=(faults.fleet_annotation(fleet),),
    )


def _now(scope: Scope) -> tuple[Panel, ...]:
    running = (serving.VLLM_RUNNING, serving.RAY_SERVE_RUNNING)
    waiting = (jobs.VLLM_WAITING, serving.TRITON_PENDING, serving.RAY_SERVE_QUEUED)
    return (
        figure(
            "Requests running",
            "What engines of vLLM and replicas of Ray Serve work on; Triton does not tell.",
            f"sum({' or '.join(map(scope.select, running))})",
            none=_NOBODY,
            trend=True,
        ),
        figure(
            "Requests waiting",
            "Requests that nobody has begun: those before engines of vLLM, models of Triton and "
            "deployments of Ray Serve.",
            f"sum({' or '.join(map(scope.select, waiting))})",
            none=_NOBODY,
            trend=True,
        ),
        figure(
            "Time to first token",
            f"{serving.VLLM_FIRST_TOKEN.help} 95th percentile of all models.",
            quantile(scope, serving.VLLM_FIRST_TOKEN, 0.95),
            unit=Unit.SECONDS,
            none="no vLLM scraped",
            trend=True,
        ),
        figure(
            "Fullest KV cache",
            f"{jobs.VLLM_CACHE.help} Of the engine that has most in use.",
            f"max({vllm.cache(scope)})",
            unit=Unit.RATIO,
            none="no vLLM scraped",
            steps=vllm.FULL,
            trend=True,
        ),
        figure(
            "Tokens written a second",
            serving.VLLM_WRITTEN.help,
            f"sum({rate(scope.select(serving.VLLM_WRITTEN))})",
            unit=Unit.PER_SECOND,
            none="no vLLM scraped",
            trend=True,
        ),
        figure(
            "Requests that fail",
            "Share of the requests to Triton and Ray Serve that fail. vLLM does not tell: see why "
            "its requests end.",
            _failing(scope),
            unit=Unit.RATIO,
            none="no Triton, no Ray Serve",
            steps=(Step(value=0.01, color="orange"), Step(value=0.05, color="red")),
            trend=True,
        ),
    )


def _failing(scope: Scope) -> str:
    """Return the share that fails over both programs, either of which may be missing."""
    bad = (jobs.TRITON_FAILED, serving.RAY_SERVE_ERRORS)
    every = (jobs.TRITON_SERVED, jobs.TRITON_FAILED, serving.RAY_SERVE_REQUESTS)
    failed, asked = (
        " or ".join(f'label_replace({rate(scope.select(each))}, "of", "{each.name}", "", "")'
                    for each in metrics)
        for metrics in (bad, every)
    )  # fmt: skip
    return share_of(f"sum({failed})", f"sum({asked})")


def _models(scope: Scope) -> Panel:
    """List what vLLM serves, with a way to who holds the GPUs for it."""
    model = f"{NAMESPACE}, model_name"
    return table(
        "Models of vLLM",
        "What each model has to do on all its engines, and how long answers take. A namespace "
        "leads to its workloads: their GPUs, NICs and caches.",
        (
            Column(field=NAMESPACE, title="Namespace", link=to_namespace()),
            Column(field="model_name", title="Model"),
            Column(field="Value #A", title="Engines"),
            Column(field="Value #B", title="Running"),
            Column(field="Value #C", title="Waiting"),
            Column(field="Value #D", title="First token, 95 %", unit=Unit.SECONDS),
            Column(field="Value #E", title="Next token, 95 %", unit=Unit.SECONDS),
        ),
        (
            f"count by ({model}) ({scope.select(serving.VLLM_RUNNING)})",
            f"sum by ({model}) ({scope.select(serving.VLLM_RUNNING)})",
            f"sum by ({model}) ({scope.select(jobs.VLLM_WAITING)})",
            quantile(scope, serving.VLLM_FIRST_TOKEN, 0.95, NAMESPACE, "model_name"),
            vllm.next_token(scope, 0.95),
        ),
        none=vllm.NO_VLLM,
        width=24,
        height=6,
    )
