"""Ray: deployments of Ray Serve, and what the tasks and actors of its clusters do."""

from catalog import neighbours_jobs as jobs
from catalog import neighbours_serving as serving
from catalog.labels import NAMESPACE
from catalog.metrics import Metric
from dashboards.model import Chart, Section, Step, Unit
from dashboards.panels import chart
from dashboards.promql import MILLISECOND, Scope, quantile, rate, share_of

_NO_RAY = "No Ray cluster is scraped."
_NO_SERVE = "No Ray cluster is scraped, or none serves."
_DEPLOYMENT = (NAMESPACE, "application", "deployment")
_BY = ", ".join(_DEPLOYMENT)
_NAME = "{{namespace}}/{{application}}/{{deployment}}"


def serve(scope: Scope) -> Section:
    """Show what Ray Serve's deployments have to do, and how they fare."""

    def total(metric: Metric) -> str:
        return f"sum by ({_BY}) ({scope.select(metric)})"

    errors, answered = (
        f"sum by ({_BY}) ({rate(scope.select(metric))})"
        for metric in (serving.RAY_SERVE_ERRORS, serving.RAY_SERVE_REQUESTS)
    )
    slow = quantile(scope, serving.RAY_SERVE_DURATION, 0.95, *_DEPLOYMENT)
    return Section(
        title="Ray Serve",
        panels=(
            chart(
                "Requests running",
                serving.RAY_SERVE_RUNNING.help,
                {_NAME: total(serving.RAY_SERVE_RUNNING)},
                none=_NO_SERVE,
                view=Chart(stacked=True),
                width=6,
            ),
            chart(
                "Requests waiting",
                serving.RAY_SERVE_QUEUED.help,
                {_NAME: total(serving.RAY_SERVE_QUEUED)},
                none=_NO_SERVE,
                width=6,
            ),
            chart(
                "Time of a request, 95th percentile",
                serving.RAY_SERVE_DURATION.help,
                {_NAME: f"{MILLISECOND} * {slow}"},
                unit=Unit.SECONDS,
                none=_NO_SERVE,
                width=6,
            ),
            chart(
                "Requests that failed",
                "Exceptions in replicas, by the requests that they answered.",
                {_NAME: share_of(errors, answered)},
                unit=Unit.RATIO,
                none="No Ray cluster is scraped, or no replica has had an exception.",
                steps=(Step(value=0.05, color="red"),),
                width=6,
            ),
        ),
    )


def cluster(scope: Scope) -> Section:
    """Show whether Ray clusters use the GPUs that they hold."""
    gpus = scope.select(jobs.RAY_RESOURCES, 'Name="GPU"')
    session = f"{NAMESPACE}, SessionName"
    return Section(
        title="Ray clusters",
        panels=(
            chart(
                "GPUs",
                f"{jobs.RAY_RESOURCES.help} Here GPUs: free ones beside waiting tasks want more of "
                "something else than is left.",
                {"{{namespace}} {{SessionName}} {{State}}": f"sum by ({session}, State) ({gpus})"},
                none=_NO_RAY,
                view=Chart(stacked=True),
                width=8,
            ),
            chart(
                "Tasks",
                jobs.RAY_TASKS.help,
                {"{{State}}": f"sum by (State) ({scope.select(jobs.RAY_TASKS)}) > 0"},
                none="No task is known, or no Ray cluster is scraped.",
                view=Chart(stacked=True),
                width=8,
            ),
            chart(
                "Actors",
                serving.RAY_ACTORS.help,
                {"{{State}}": f"sum by (State) ({scope.select(serving.RAY_ACTORS)}) > 0"},
                none="No actor is known, or no Ray cluster is scraped.",
                view=Chart(stacked=True),
                width=8,
            ),
        ),
    )
