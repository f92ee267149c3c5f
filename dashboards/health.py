"""The way of each fault from alert to node: what the bridge does, what it withholds, and why."""

from catalog import fleet as recorded
from catalog.bridge import (
    ALERTS_SKIPPED,
    BUDGET_SIZE,
    BUDGET_USED,
    BUDGET_WITHHELD,
    EVENTS,
    FAULT_LATENCY,
    FAULT_STATE,
    FAULTS,
    INTOLERANT_DAEMON_SETS,
    LEADER,
    NODES,
    PAUSED,
    SHADOW_TAINTS,
    STEPS,
    SUSPECTED,
    WITHHELD_FAULTS,
)
from catalog.labels import CONDITION, VERDICT
from catalog.metrics import Metric
from catalog.scheduler import DRAIN_NODES, DRAIN_PODS, EVICTIONS
from dashboards import variables
from dashboards.links import HEALTH_UID
from dashboards.model import Board, Chart, Column, Panel, Section, Step, Unit
from dashboards.panels import ANY_BAD, ANY_ODD, bars, chart, figure, table
from dashboards.promql import Scope, fleet_scope, increase
from dashboards.sections import faults
from dashboards.settings import Settings

_NO_BRIDGE = "No bridge is scraped, or it has not finished a cycle."
_NO_DRAINER = "No drainer is scraped, or it is not switched on."


def dashboard(settings: Settings) -> Board:
    """Describe the dashboard of health and remediation."""
    scope = fleet_scope(settings)
    return Board(
        uid=HEALTH_UID,
        title="railwatch / Health and remediation",
        description="Each fault's way from the alert to the node: how far it is, how long it "
        "took, what is withheld and why, and how the drainer moves jobs away.",
        variables=(variables.cluster(settings),),
        sections=(
            Section(title="Now", panels=_now(scope)),
            Section(title="Faults on their way", panels=_way(scope)),
            Section(title="Budget", panels=_budget(scope)),
            Section(title="Latency", panels=_latency(scope)),
            Section(title="Draining", panels=_draining(scope)),
        ),
        annotations=(faults.fleet_annotation(scope),),
    )


def _most(scope: Scope, metric: Metric, by: str = "", *more: str) -> str:
    """Return what the leader says; a replica that follows says nothing, or the same."""
    grouped = f" by ({by})" if by else ""
    return f"max{grouped} ({scope.select(metric, *more)})"


def _now(scope: Scope) -> tuple[Panel, ...]:
    firing = scope.select(recorded.OPEN_FAULTS)
    return (
        figure(
            "Alerts",
            "Firing alerts that the bridge acts on.",
            f"sum({firing}) or 0 * sum({scope.select(recorded.NODES)})",
            none="not judged",
            steps=ANY_ODD,
        ),
        figure(
            "Suspected",
            SUSPECTED.help,
            _most(scope, SUSPECTED),
            none="no bridge",
        ),
        figure(
            "Faulty nodes",
            "Nodes with a condition that the bridge has set.",
            _most(scope, NODES, "", 'state="faulty"'),
            none="no bridge",
            steps=ANY_ODD,
            trend=True,
        ),
        figure(
            "Blind nodes",
            "Nodes whose telemetry is lost beyond the grace: nothing is done to them for it.",
            _most(scope, NODES, "", 'state="blind"'),
            none="no bridge",
            steps=(Step(value=1, color="purple"),),
        ),
        figure(
            "Withheld",
            WITHHELD_FAULTS.help,
            f"sum({scope.select(WITHHELD_FAULTS)})",
            none="no bridge",
            steps=ANY_BAD,
            trend=True,
        ),
        figure(
            "Paused",
            PAUSED.help,
            _most(scope, PAUSED),
            none="no bridge",
            values=faults.NO_MATTER,
        ),
    )


def _way(scope: Scope) -> tuple[Panel, ...]:
    return (
        chart(
            "Faults by where they are",
            f"{FAULT_STATE.help} Soaking: quiet, and not yet proven well for long enough.",
            {
                "{{state}}": f"sum by (state) (max by ({CONDITION}, state) "
                f"({scope.select(FAULT_STATE)})) > 0"
            },
            none="No fault was known in this time range, or no bridge is scraped.",
            view=Chart(stacked=True),
        ),
        table(
            "Open faults by condition",
            f"{FAULTS.help} Action: whether the verdict is applied, or withheld, or we are blind.",
            (
                Column(field=CONDITION, title="Condition"),
                faults.VERDICT_COLUMN,
                Column(field="action", title="Action", colors=faults.ACTION_COLORS),
                Column(field="Value", title="Faults"),
            ),
            (f"{_most(scope, FAULTS, f'{CONDITION}, {VERDICT}, action')} > 0",),
            none="No fault is open.",
            width=12,
        ),
        chart(
            "Steps",
            f"{STEPS.help} Shown: the increase in each window.",
            {"{{kind}}": f"sum by (kind) ({increase(scope.select(STEPS))})"},
            none=_NO_BRIDGE,
            view=Chart(bars=True, stacked=True),
        ),
        chart(
            "Alerts left alone",
            ALERTS_SKIPPED.help,
            {"{{reason}}": _most(scope, ALERTS_SKIPPED, "reason")},
            none=_NO_BRIDGE,
            view=Chart(stacked=True),
        ),
    )


def _budget(scope: Scope) -> tuple[Panel, ...]:
    used = _most(scope, BUDGET_USED, "budget")
    size = _most(scope, BUDGET_SIZE, "budget")
    return (
        bars(
            "Budget spent",
            f"{BUDGET_USED.help} By what the budget allows: at 1 nothing further is taken.",
            f"{used} / ({size} > 0)",
            "{{budget}}",
            unit=Unit.RATIO,
            maximum=1,
            steps=(Step(value=0.8, color="orange"), Step(value=1, color="red")),
            none=_NO_BRIDGE,
            width=8,
        ),
        chart(
            "Withheld by what",
            WITHHELD_FAULTS.help,
            {"{{by}}": _most(scope, WITHHELD_FAULTS, "by")},
            none=_NO_BRIDGE,
            view=Chart(stacked=True),
            width=8,
        ),
        chart(
            "Nodes withheld by budget",
            BUDGET_WITHHELD.help,
            {"{{budget}}": _most(scope, BUDGET_WITHHELD, "budget")},
            none=_NO_BRIDGE,
            view=Chart(stacked=True),
            width=8,
        ),
        table(
            "What shadow mode would do",
            SHADOW_TAINTS.help,
            (
                Column(field=CONDITION, title="Condition"),
                faults.VERDICT_COLUMN,
                Column(field="Value", title="Nodes"),
            ),
            (_most(scope, SHADOW_TAINTS, f"{CONDITION}, {VERDICT}"),),
            none="No bridge runs in shadow mode, or it would taint nothing.",
            width=16,
            height=6,
        ),
        figure(
            "DaemonSets that would not come back",
            INTOLERANT_DAEMON_SETS.help,
            _most(scope, INTOLERANT_DAEMON_SETS),
            none="not looked",
            steps=ANY_BAD,
            width=8,
        ),
    )


def _quantile(scope: Scope, share: float) -> str:
    buckets = f"rate({scope.select(f'{FAULT_LATENCY.name}_bucket')}[1h])"
    return f"histogram_quantile({share}, sum by (hop, le) ({buckets}))"


def _latency(scope: Scope) -> tuple[Panel, ...]:
    return (
        chart(
            "How long new faults took, median",
            f"{FAULT_LATENCY.help} Over the last hour's faults; total: from the alert to the last "
            "write.",
            {"{{hop}}": _quantile(scope, 0.5)},
            unit=Unit.SECONDS,
            none="No fault was new in this time range.",
        ),
        chart(
            "How long new faults took, 95th percentile",
            f"{FAULT_LATENCY.help} Over the last hour's faults; total: from the alert to the last "
            "write.",
            {"{{hop}}": _quantile(scope, 0.95)},
            unit=Unit.SECONDS,
            none="No fault was new in this time range.",
        ),
    )


def _draining(scope: Scope) -> tuple[Panel, ...]:
    return (
        chart(
            "Nodes to be drained",
            DRAIN_NODES.help,
            {"{{state}}": _most(scope, DRAIN_NODES, "state")},
            none=_NO_DRAINER,
            view=Chart(stacked=True),
            width=8,
        ),
        chart(
            "Pods to be moved",
            DRAIN_PODS.help,
            {"{{state}}": _most(scope, DRAIN_PODS, "state")},
            none=_NO_DRAINER,
            view=Chart(stacked=True),
            width=8,
        ),
        chart(
            "Evictions",
            f"{EVICTIONS.help} Shown: the increase in each window.",
            {"{{result}}": f"sum by (result) ({increase(scope.select(EVICTIONS))})"},
            none=_NO_DRAINER,
            view=Chart(bars=True, stacked=True),
            width=8,
        ),
        chart(
            "Events on nodes",
            f"{EVENTS.help} Shown: the increase in each window.",
            {"{{result}}": f"sum by (result) ({increase(scope.select(EVENTS))})"},
            none=_NO_BRIDGE,
            view=Chart(bars=True, stacked=True),
        ),
        chart(
            "Leader",
            f"{LEADER.help} More than one, or none for long, is wrong.",
            {"leaders": f"sum({scope.select(LEADER)})"},
            none=_NO_BRIDGE,
            steps=(Step(value=2, color="red"),),
        ),
    )
