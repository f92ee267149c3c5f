"""Caches of data beside the jobs: an Alluxio cluster's, and what Fluid loads beforehand."""

from catalog import neighbours_jobs as jobs
from catalog import neighbours_shown as shown
from catalog.foreign import Foreign
from catalog.labels import NAMESPACE
from catalog.neighbours_nodes import JOB_FAILED
from dashboards.model import Chart, Column, Panel, Section, Step, Unit
from dashboards.panels import chart, table
from dashboards.promql import Scope, rate, share_of

_NO_ALLUXIO = "No Alluxio master is scraped."
_LOADS = 'job_name=~".+-loader-job"'
"""The Jobs that Fluid makes of its DataLoads."""
_DONE = 'condition="true"'


def alluxio(scope: Scope) -> Section:
    """Show how full Alluxio's caches are, and how much is read past them."""

    def each(metric: Foreign) -> str:
        return f"sum by ({NAMESPACE}) ({scope.select(metric)})"

    def read(metric: Foreign) -> str:
        return f"sum by ({NAMESPACE}) ({rate(scope.select(metric))})"

    return Section(
        title="Alluxio",
        panels=(
            chart(
                "Cache in use",
                f"{jobs.ALLUXIO_USED.help} By what it can hold: when it is full, what is read next "
                "puts out something else.",
                {"{{namespace}}": share_of(each(jobs.ALLUXIO_USED), each(jobs.ALLUXIO_TOTAL))},
                unit=Unit.RATIO,
                none=_NO_ALLUXIO,
                view=Chart(maximum=1),
                steps=(Step(value=0.95, color="orange"),),
                width=8,
            ),
            chart(
                "Read from caches and from the source",
                "Source: bytes that workers had to fetch from where the data comes from. The rest "
                "was cached beside the client (local) or on another node (remote).",
                {
                    "{{namespace}} local": read(shown.ALLUXIO_LOCAL),
                    "{{namespace}} remote": read(shown.ALLUXIO_REMOTE),
                    "{{namespace}} source": read(shown.ALLUXIO_SOURCE),
                },
                unit=Unit.BYTES_PER_SECOND,
                none=_NO_ALLUXIO,
                width=8,
            ),
            chart(
                "Workers",
                f"{shown.ALLUXIO_WORKERS.help} A fall: what they held is read from the source "
                "again.",
                {"{{namespace}}": each(shown.ALLUXIO_WORKERS)},
                none=_NO_ALLUXIO,
                width=8,
            ),
        ),
    )


def data_loads(scope: Scope) -> Panel:
    """List the Jobs by which Fluid loads data before it is read."""
    job = f"{NAMESPACE}, job_name"
    active, done, failed = (
        f"max by ({job}) ({scope.select(metric, _LOADS, *more)})"
        for metric, more in (
            (shown.JOB_ACTIVE, ()),
            (shown.JOB_COMPLETE, (_DONE,)),
            (JOB_FAILED, (_DONE,)),
        )
    )
    return table(
        "Data loads",
        "The Jobs that Fluid makes of DataLoads: pods that run, and 1 where it is done or has "
        "failed for good. One that failed has cached its dataset in part, or not at all.",
        (
            Column(field=NAMESPACE, title="Namespace"),
            Column(field="job_name", title="Job"),
            Column(field="Value #A", title="Running"),
            Column(field="Value #B", title="Done"),
            Column(field="Value #C", title="Failed"),
        ),
        (active, done, failed),
        none="Fluid has loaded nothing lately, or kube-state-metrics is not scraped.",
        width=12,
    )
