"""Programs that queue and gang other people's work: Kueue, Volcano, kube-scheduler's pod groups."""

from catalog import neighbours_jobs as jobs
from catalog import neighbours_shown as shown
from catalog.labels import NAMESPACE, POD
from catalog.metrics import Metric
from catalog.neighbours_nodes import POD_REQUESTS, POD_UNSCHEDULABLE
from dashboards.model import Chart, Column, Panel, Section, Step, Unit
from dashboards.panels import bars, chart, table
from dashboards.promql import MILLISECOND, Scope, increase, quantile, share_of
from dashboards.states import GOOD, IDLE, WARN

_QUEUE = "cluster_queue"
_VOLCANO_QUEUE = "queue_name"
_GPUS = 'resource=~".*gpu.*"'
_NO_KUEUE = "Kueue is not scraped, or has no ClusterQueue."
_NO_KUEUE_QUOTA = "Kueue is not scraped, or is not told enableClusterQueueResources."
_NO_VOLCANO = "Volcano is not scraped, or has no queue."
_NO_SCHEDULER = "kube-scheduler is not scraped."
_NO_GROUPS = (
    "kube-scheduler is not scraped, has no gate GenericWorkload, or was given no pod group."
)
_OVER_QUOTA = (Step(value=1, color="orange"),)


def _most(scope: Scope, metric: Metric, by: str, *more: str) -> str:
    """Return what one of several replicas says that may all say it."""
    return f"max by ({by}) ({scope.select(metric, *more)})"


def kueue(scope: Scope) -> Section:
    """Show what waits for quota and how quotas are used, as Kueue sees it."""
    return Section(title="Kueue", panels=(*_kueue_now(scope), *_kueue_course(scope)))


def _kueue_now(scope: Scope) -> tuple[Panel, ...]:
    used, quota = (
        f"sum by ({_QUEUE}) ({scope.select(metric, _GPUS)})"
        for metric in (jobs.KUEUE_USED, jobs.KUEUE_QUOTA)
    )
    status = f"{_QUEUE}, status"
    return (
        chart(
            "Workloads that wait",
            f"{jobs.KUEUE_PENDING.help} Inadmissible: tried, and not tried again before something "
            "changes.",
            {"{{cluster_queue}} {{status}}": _most(scope, jobs.KUEUE_PENDING, status)},
            none=_NO_KUEUE,
            view=Chart(stacked=True),
            width=8,
        ),
        bars(
            "GPU quota in use",
            f"{jobs.KUEUE_USED.help} Here GPUs, by the queue's own quota; above 1 is borrowed.",
            share_of(used, quota),
            "{{cluster_queue}}",
            unit=Unit.RATIO,
            none=_NO_KUEUE_QUOTA,
            steps=_OVER_QUOTA,
            width=8,
        ),
        table(
            "ClusterQueues",
            f"{jobs.KUEUE_STATUS.help} One that is pending admits nothing, and nobody can borrow "
            "from it.",
            (
                Column(field=_QUEUE, title="Queue"),
                Column(
                    field="status",
                    title="Status",
                    colors=(("active", GOOD), ("pending", WARN), ("terminating", IDLE)),
                ),
            ),
            (f"{_most(scope, jobs.KUEUE_STATUS, status)} == 1",),
            none=_NO_KUEUE,
            width=8,
        ),
    )


def _kueue_course(scope: Scope) -> tuple[Panel, ...]:
    admitted = increase(scope.select(jobs.KUEUE_ADMITTED))
    evicted = increase(scope.select(shown.KUEUE_EVICTED))
    return (
        chart(
            "Time to admission, 95th percentile",
            shown.KUEUE_WAIT.help,
            {"{{cluster_queue}}": quantile(scope, shown.KUEUE_WAIT, 0.95, _QUEUE)},
            unit=Unit.SECONDS,
            none="Kueue is not scraped, or admitted nothing in this time range.",
            width=8,
        ),
        chart(
            "Workloads admitted",
            f"{jobs.KUEUE_ADMITTED.help} Shown: the increase in each window.",
            {"{{cluster_queue}}": f"sum by ({_QUEUE}) ({admitted})"},
            none=_NO_KUEUE,
            view=Chart(bars=True, stacked=True),
            width=8,
        ),
        chart(
            "Workloads evicted",
            f"{shown.KUEUE_EVICTED.help} Shown: the increase in each window.",
            {"{{cluster_queue}}: {{reason}}": f"sum by ({_QUEUE}, reason) ({evicted})"},
            none="Kueue is not scraped, or has evicted nothing since it started.",
            view=Chart(bars=True, stacked=True),
            width=8,
        ),
    )


def volcano(scope: Scope) -> Section:
    """Show Volcano's queues, and what it finds no place for."""
    return Section(title="Volcano", panels=(*_volcano_queues(scope), *_volcano_course(scope)))


def _volcano_queues(scope: Scope) -> tuple[Panel, ...]:
    allocated, deserved = (
        f"{MILLISECOND} * {_most(scope, metric, _VOLCANO_QUEUE, _GPUS)}"
        for metric in (jobs.VOLCANO_ALLOCATED, jobs.VOLCANO_DESERVED)
    )
    groups = (jobs.VOLCANO_PENDING, shown.VOLCANO_INQUEUE, shown.VOLCANO_RUNNING)
    return (
        table(
            "Queues",
            "Pod groups of each queue by state, and how many GPUs the queue has beside those that "
            "are its share. Inqueue: its pods may be made, and wait for nodes.",
            (
                Column(field=_VOLCANO_QUEUE, title="Queue"),
                Column(field="Value #A", title="Pending"),
                Column(field="Value #B", title="Inqueue"),
                Column(field="Value #C", title="Running"),
                Column(field="Value #D", title="GPUs"),
                Column(field="Value #E", title="Its share"),
            ),
            (
                *(_most(scope, metric, _VOLCANO_QUEUE) for metric in groups),
                *(allocated, deserved),
            ),
            none=_NO_VOLCANO,
            width=16,
        ),
        bars(
            "Share of GPUs in use",
            f"{jobs.VOLCANO_ALLOCATED.help} Here GPUs, by what the queue deserves.",
            share_of(allocated, deserved),
            "{{queue_name}}",
            unit=Unit.RATIO,
            none=_NO_VOLCANO,
            steps=_OVER_QUOTA,
            width=8,
        ),
    )


def _volcano_course(scope: Scope) -> tuple[Panel, ...]:
    pending = _most(scope, jobs.VOLCANO_PENDING, _VOLCANO_QUEUE)
    return (
        chart(
            "Pod groups that wait",
            jobs.VOLCANO_PENDING.help,
            {"{{queue_name}}": pending},
            none=_NO_VOLCANO,
            view=Chart(stacked=True),
            width=8,
        ),
        chart(
            "Jobs without a place",
            shown.VOLCANO_UNPLACED.help,
            {"jobs": f"max({scope.select(shown.VOLCANO_UNPLACED)})"},
            none="Volcano's scheduler is not scraped.",
            width=8,
        ),
        chart(
            "Time to place a job",
            f"{shown.VOLCANO_LATENCY.help} Median and 95th percentile.",
            {
                "median": f"{MILLISECOND} * {quantile(scope, shown.VOLCANO_LATENCY, 0.5)}",
                "95th percentile": f"{MILLISECOND} * "
                f"{quantile(scope, shown.VOLCANO_LATENCY, 0.95)}",
            },
            unit=Unit.SECONDS,
            none="Volcano's scheduler is not scraped, or placed no job in this time range.",
            width=8,
        ),
    )


def pod_groups(scope: Scope) -> Section:
    """Show what waits in kube-scheduler itself, and how its gang scheduling fares."""
    attempts = increase(scope.select(shown.POD_GROUP_ATTEMPTS))
    pod = f"{scope.cluster}, {NAMESPACE}, {POD}"
    placeless = f"on ({pod}) {scope.select(POD_UNSCHEDULABLE)} == 1"
    return Section(
        title="kube-scheduler and its pod groups",
        panels=(
            chart(
                "Pods that wait",
                shown.SCHEDULER_PENDING.help,
                {"{{queue}}": _most(scope, shown.SCHEDULER_PENDING, "queue")},
                none=_NO_SCHEDULER,
                view=Chart(stacked=True),
                width=6,
            ),
            chart(
                "GPUs that pods without a place ask for",
                f"{POD_UNSCHEDULABLE.help} Shown: the GPUs that they ask for.",
                {
                    "{{namespace}}": f"sum by ({NAMESPACE}) "
                    f"({scope.select(POD_REQUESTS, _GPUS)} and {placeless})"
                },
                none="Every pod that asks for GPUs has a place, or kube-state-metrics is not "
                "scraped.",
                view=Chart(stacked=True),
                width=6,
            ),
            chart(
                "Attempts to place pod groups",
                f"{shown.POD_GROUP_ATTEMPTS.help} Shown: the increase in each window.",
                {"{{result}}": f"sum by (result) ({attempts})"},
                none=_NO_GROUPS,
                view=Chart(bars=True, stacked=True),
                width=6,
            ),
            chart(
                "Time of an attempt, 95th percentile",
                shown.POD_GROUP_DURATION.help,
                {"{{result}}": quantile(scope, shown.POD_GROUP_DURATION, 0.95, "result")},
                unit=Unit.SECONDS,
                none=_NO_GROUPS,
                width=6,
            ),
        ),
    )
