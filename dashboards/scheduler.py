"""Scheduling and capacity: what gang would fit, what waits and why, who has how much of what."""

from catalog import fleet as recorded
from catalog import scheduler_queue as queues
from catalog.labels import CONDITION
from catalog.metrics import Metric
from catalog.scheduler import (
    CACHE_AGE,
    CACHE_FRESH,
    GANG_KEPT,
    GANG_PODS,
    GANGS_WAITING,
    GPU_IDLE,
    GPU_IDLE_BROKEN,
    GPU_WITHHELD,
    LARGEST_GANG,
    REFUSALS,
    REQUEST_DURATION,
    REQUESTS,
    UNCHECKED,
)
from dashboards import variables
from dashboards.links import SCHEDULER_UID
from dashboards.model import Board, Chart, Column, Panel, Section, Step, Unit
from dashboards.panels import ANY_BAD, ANY_ODD, bars, chart, figure, table
from dashboards.promql import Scope, fleet_scope, increase, quantile, rate
from dashboards.sections import faults, queueing
from dashboards.settings import Settings
from dashboards.states import USE_COLORS

_NO_SCHEDULER = "No railwatch-scheduler is scraped."
_NO_GANGS = "No gang controller is scraped, or none leads yet."
_NO_QUEUE = "No queue is declared, and no engine that has queues is served."


def dashboard(settings: Settings) -> Board:
    """Describe the dashboard of scheduling."""
    scope = fleet_scope(settings)
    return Board(
        uid=SCHEDULER_UID,
        title="railwatch / Scheduler and capacity",
        description="What would fit now, what waits and why, how queues use their quotas, how the "
        "extender answers, and how Kueue, Volcano and kube-scheduler fare where they queue.",
        variables=(variables.cluster(settings),),
        sections=(
            Section(title="Now", panels=_now(scope)),
            Section(title="Capacity", panels=_capacity(scope)),
            Section(title="Gangs", panels=_gangs(scope)),
            Section(title="Queues and quotas", panels=_queues(scope)),
            Section(title="Extender", panels=_extender(scope)),
            queueing.kueue(scope),
            queueing.volcano(scope),
            queueing.pod_groups(scope),
        ),
        annotations=(faults.fleet_annotation(scope),),
    )


def _most(scope: Scope, metric: Metric, by: str = "", *more: str) -> str:
    """Return what the leader says; the other replicas say nothing."""
    grouped = f" by ({by})" if by else ""
    return f"max{grouped} ({scope.select(metric, *more)})"


def _now(scope: Scope) -> tuple[Panel, ...]:
    idle, broken = _most(scope, GPU_IDLE), _most(scope, GPU_IDLE_BROKEN)
    return (
        figure("Idle GPUs", GPU_IDLE.help, idle, none="no gang controller", trend=True),
        figure(
            "Fragmentation",
            "Share of the idle GPUs that stand on nodes where others are taken: useless to gangs "
            "of whole nodes.",
            f"{broken} / ({idle} > 0) or 0 * {idle}",
            unit=Unit.RATIO,
            none="no gang controller",
            steps=(Step(value=0.3, color="orange"), Step(value=0.6, color="red")),
            trend=True,
        ),
        figure(
            "Largest gang that fits",
            "Whole nodes that are idle in the best domain of the widest tier: the largest gang "
            "that could start now.",
            f"max({scope.select(LARGEST_GANG)})",
            none="no gang controller",
        ),
        figure(
            "Gangs waiting",
            "Gangs that wait, whatever for.",
            f"sum({_most(scope, GANGS_WAITING, 'reason')})",
            none="no gang controller",
            steps=ANY_ODD,
            trend=True,
        ),
        figure(
            "GPUs withheld for health",
            GPU_WITHHELD.help,
            f"sum({_most(scope, GPU_WITHHELD, CONDITION)}) or 0 * max({scope.select(CACHE_FRESH)})",
            none="no scheduler",
            steps=ANY_ODD,
        ),
        figure(
            "Node cache fresh",
            f"{CACHE_FRESH.help} While it is not, requests pass without a look at health.",
            f"min({scope.select(CACHE_FRESH)})",
            none="no scheduler",
            values=faults.YES,
        ),
    )


def _capacity(scope: Scope) -> tuple[Panel, ...]:
    return (
        chart(
            "GPUs by use",
            recorded.GPU_USE.help,
            {"{{use}}": f"sum by (use) ({scope.select(recorded.GPU_USE)})"},
            none="No exporter reports a GPU.",
            view=Chart(stacked=True, fixed=USE_COLORS),
            width=8,
        ),
        chart(
            "Idle GPUs",
            f"{GPU_IDLE_BROKEN.help} Dashed: all that are idle.",
            {"broken up": _most(scope, GPU_IDLE_BROKEN), "idle": _most(scope, GPU_IDLE)},
            none=_NO_GANGS,
            view=Chart(dashed=("idle",)),
            width=8,
        ),
        chart(
            "Largest gang by tier",
            LARGEST_GANG.help,
            {"{{tier}}": _most(scope, LARGEST_GANG, "tier")},
            none=_NO_GANGS,
            width=8,
        ),
    )


def _gangs(scope: Scope) -> tuple[Panel, ...]:
    return (
        chart(
            "Gangs waiting by reason",
            GANGS_WAITING.help,
            {"{{reason}}": f"{_most(scope, GANGS_WAITING, 'reason')} > 0"},
            none="No gang waits, or no gang controller is scraped.",
            view=Chart(stacked=True),
            width=8,
        ),
        chart(
            "Pods of gangs",
            f"{GANG_PODS.help} Shown: the increase in each window.",
            {"{{result}}": f"sum by (result) ({increase(scope.select(GANG_PODS))})"},
            none=_NO_GANGS,
            view=Chart(bars=True, stacked=True),
            width=8,
        ),
        chart(
            "A domain is kept free",
            GANG_KEPT.help,
            {"kept": _most(scope, GANG_KEPT)},
            none=_NO_GANGS,
            view=Chart(maximum=1),
            width=8,
        ),
    )


def _queues(scope: Scope) -> tuple[Panel, ...]:
    queue = "kind, queue, resource"
    gpus = 'resource=~".*gpu.*"'
    return (
        table(
            "Quotas",
            "What each queue uses of each resource, by what it is guaranteed; borrowed: beyond "
            "that.",
            (
                Column(field="kind", title="Kind"),
                Column(field="queue", title="Queue"),
                Column(field="resource", title="Resource"),
                Column(field="Value #A", title="Guaranteed"),
                Column(field="Value #B", title="Used"),
                Column(field="Value #C", title="Borrowed"),
                Column(field="Value #D", title="Limit"),
            ),
            tuple(
                _most(scope, metric, queue)
                for metric in (
                    queues.QUEUE_GUARANTEED,
                    queues.QUEUE_USED,
                    queues.QUEUE_BORROWED,
                    queues.QUEUE_LIMIT,
                )
            ),
            none=_NO_QUEUE,
            width=16,
            height=9,
        ),
        bars(
            "GPU quota used",
            f"{queues.QUEUE_USED.help} Here GPUs, by what the queue is guaranteed.",
            f"{_most(scope, queues.QUEUE_USED, queue, gpus)} / on ({queue}) "
            f"({_most(scope, queues.QUEUE_GUARANTEED, queue, gpus)} > 0)",
            "{{kind}} {{queue}}",
            unit=Unit.RATIO,
            none=_NO_QUEUE,
            steps=(Step(value=1, color="orange"),),
            width=8,
            height=9,
        ),
        chart(
            "Gangs waiting by queue",
            queues.QUEUE_WAITING.help,
            {"{{queue}}: {{reason}}": f"{_most(scope, queues.QUEUE_WAITING, _WAITING)} > 0"},
            none="Nothing waits in a queue, or no queue is declared.",
            view=Chart(stacked=True),
        ),
        chart(
            "Evictions for a queue's guarantee",
            f"{queues.RECLAIMS.help} Shown: the increase in each window.",
            {"{{result}}": f"sum by (result) ({increase(scope.select(queues.RECLAIMS))})"},
            none=_NO_QUEUE,
            view=Chart(bars=True, stacked=True),
        ),
    )


_WAITING = "queue, reason"


def _extender(scope: Scope) -> tuple[Panel, ...]:
    return (
        chart(
            "Requests",
            REQUESTS.help,
            {"{{verb}} {{code}}": f"sum by (verb, code) ({rate(scope.select(REQUESTS))})"},
            unit=Unit.PER_SECOND,
            none=_NO_SCHEDULER,
            width=8,
        ),
        chart(
            "Time to answer, 99th percentile",
            REQUEST_DURATION.help,
            {"{{verb}}": quantile(scope, REQUEST_DURATION, 0.99, "verb")},
            unit=Unit.SECONDS,
            none="No request came in this time range.",
            width=8,
        ),
        chart(
            "Nodes refused",
            f"{REFUSALS.help} Shown: the increase in each window.",
            {"{{condition}}": f"sum by ({CONDITION}) ({increase(scope.select(REFUSALS))})"},
            none=_NO_SCHEDULER,
            view=Chart(bars=True, stacked=True),
            width=8,
        ),
        chart(
            "Passed without a look at health",
            f"{UNCHECKED.help} Shown: the increase in each window.",
            {"{{verb}}": f"sum by (verb) ({increase(scope.select(UNCHECKED))})"},
            none=_NO_SCHEDULER,
            steps=ANY_BAD,
            view=Chart(bars=True),
        ),
        chart(
            "Age of the node cache",
            CACHE_AGE.help,
            {"oldest": f"max({scope.select(CACHE_AGE)})"},
            unit=Unit.SECONDS,
            none=_NO_SCHEDULER,
        ),
    )
