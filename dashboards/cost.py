"""What GPUs cost and whether they earn it: spent, idle and lost, by namespace and team."""

from catalog import fleet as recorded
from catalog.bridge import LEASE_END_TIMESTAMP
from catalog.labels import NODE
from dashboards import variables
from dashboards.links import COST_UID, NAMESPACE, to_namespace, to_node
from dashboards.model import Board, Chart, Column, Panel, Section, Step, Unit
from dashboards.panels import bars, chart, figure, table
from dashboards.promql import Scope, fleet_scope
from dashboards.sections import faults
from dashboards.settings import Settings
from dashboards.states import USE_COLORS

_NO_PRICE = "No price is set: [prices] in render.toml."
_NO_GPU = "No exporter reports a GPU."
_MONTH = 730
"""Hours."""
_DAY = 86_400


def dashboard(settings: Settings) -> Board:
    """Describe the dashboard of cost and utilisation."""
    scope = fleet_scope(settings)
    return Board(
        uid=COST_UID,
        title="railwatch / Cost and utilisation",
        description="What GPUs cost an hour, in the currency of the prices set, by who holds them "
        "and whether they work; and whose leases end soon.",
        variables=(variables.cluster(settings), variables.namespace(scope)),
        sections=(
            Section(title="Now", panels=_now(scope)),
            Section(title="Spending", panels=_spending(scope)),
            Section(title="Utilisation", panels=_utilisation(scope)),
            Section(title="Prices and leases", panels=_leases(scope)),
        ),
        annotations=(faults.fleet_annotation(scope),),
        range="now-24h",
    )


_CHOSEN = variables.chosen(NAMESPACE)


def _spend(scope: Scope, *uses: str) -> str:
    only = (f'use=~"{"|".join(uses)}"',) if uses else ()
    return scope.select(recorded.GPU_SPEND, _CHOSEN, *only)


def _share(scope: Scope, *uses: str) -> str:
    total = f"sum({_spend(scope)})"
    return f"(sum({_spend(scope, *uses)}) or 0 * {total}) / {total}"


def _now(scope: Scope) -> tuple[Panel, ...]:
    red = (Step(value=0.1, color="orange"), Step(value=0.3, color="red"))
    return (
        figure(
            "An hour",
            "What all GPUs cost an hour at the prices set, whether they work or not.",
            f"sum({_spend(scope)})",
            none="no price set",
            trend=True,
        ),
        figure(
            "A month at this rate",
            "What all GPUs would cost in a month of 730 hours at this rate.",
            f"{_MONTH} * sum({_spend(scope)})",
            none="no price set",
        ),
        figure(
            "Earning",
            "Share of the spending on GPUs that work.",
            _share(scope, recorded.BUSY),
            unit=Unit.RATIO,
            none="no price set",
            trend=True,
        ),
        figure(
            "Held and idle",
            "Share of the spending on GPUs that a pod holds and does not use.",
            _share(scope, recorded.IDLE),
            unit=Unit.RATIO,
            none="no price set",
            steps=red,
            trend=True,
        ),
        figure(
            "Free",
            "Share of the spending on GPUs that nobody has.",
            _share(scope, recorded.FREE),
            unit=Unit.RATIO,
            none="no price set",
            trend=True,
        ),
        figure(
            "Lost to faults",
            "Share of the spending on GPUs that a fault keeps work away from.",
            _share(scope, recorded.LOST),
            unit=Unit.RATIO,
            none="no price set",
            steps=(Step(value=0.01, color="orange"), Step(value=0.05, color="red")),
            trend=True,
        ),
    )


def _spending(scope: Scope) -> tuple[Panel, ...]:
    namespaces = f"max by ({NAMESPACE}, team) ({recorded.TEAM.name})"
    by_namespace = f"sum by ({NAMESPACE}) ({_spend(scope)})"
    return (
        chart(
            "Spending an hour by use",
            f"{recorded.GPU_SPEND.help} Idle: a pod holds it and it does not work.",
            {"{{use}}": f"sum by (use) ({_spend(scope)})"},
            none=_NO_PRICE,
            view=Chart(stacked=True, fixed=USE_COLORS),
        ),
        chart(
            "Spending an hour by team",
            "The team is set for each namespace under [teams]; the rest is nobody's.",
            {
                "{{team}}": f"sum by (team) ({by_namespace} * on ({NAMESPACE}) "
                f"group_left (team) {namespaces})"
            },
            none="No team is set: [teams] in render.toml, or no price is.",
            view=Chart(stacked=True),
        ),
        table(
            "By namespace",
            "What each namespace costs an hour, and how much of it is for GPUs that it holds and "
            "does not use, or that a fault keeps it from using.",
            (
                Column(field=NAMESPACE, title="Namespace", link=to_namespace()),
                Column(field="Value #A", title="An hour"),
                Column(field="Value #B", title="Idle"),
                Column(field="Value #C", title="Lost"),
            ),
            (
                by_namespace,
                f"sum by ({NAMESPACE}) ({_spend(scope, recorded.IDLE)})",
                f"sum by ({NAMESPACE}) ({_spend(scope, recorded.LOST)})",
            ),
            none=_NO_PRICE,
            unit=Unit.NUMBER,
            width=12,
            height=9,
        ),
        chart(
            "Spending an hour by instance type",
            "Unknown: nodes of which kube-state-metrics tells no instance type.",
            {"{{instance_type}}": f"sum by (instance_type) ({_spend(scope)})"},
            none=_NO_PRICE,
            view=Chart(stacked=True),
            height=9,
        ),
    )


def _utilisation(scope: Scope) -> tuple[Panel, ...]:
    def used(*uses: str) -> str:
        only = f'use=~"{"|".join(uses)}"'
        return scope.select(recorded.GPU_USE, _CHOSEN, only)

    held = f"sum by ({NAMESPACE}) ({used(recorded.BUSY, recorded.IDLE)})"
    busy = f"sum by ({NAMESPACE}) ({used(recorded.BUSY)})"
    return (
        chart(
            "GPUs by use",
            recorded.GPU_USE.help,
            {"{{use}}": f"sum by (use) ({scope.select(recorded.GPU_USE, _CHOSEN)})"},
            none=_NO_GPU,
            view=Chart(stacked=True, fixed=USE_COLORS),
        ),
        bars(
            "Held and at work, by namespace",
            "Share of the GPUs that a namespace holds which work now.",
            f"{busy} / {held} or 0 * {held}",
            "{{namespace}}",
            unit=Unit.RATIO,
            maximum=1,
            none="No pod holds a GPU.",
        ),
        chart(
            "Energy",
            "Power that the GPUs drew, by the energy they counted in the last five minutes.",
            {"all GPUs": f"sum({scope.select(recorded.ENERGY_RATE)})"},
            unit=Unit.WATTS,
            none="No GPU counts its energy.",
            width=24,
            height=6,
        ),
    )


def _leases(scope: Scope) -> tuple[Panel, ...]:
    ends = f"min by ({NODE}) ({scope.select(LEASE_END_TIMESTAMP)})"
    return (
        table(
            "Prices",
            f"{recorded.GPU_PRICE.help} Set under [prices].",
            (
                Column(field="instance_type", title="Instance type"),
                Column(field="Value", title="A GPU an hour"),
            ),
            (f"max by (instance_type) ({recorded.GPU_PRICE.name})",),
            none=_NO_PRICE,
            unit=Unit.NUMBER,
            width=8,
        ),
        table(
            "Leases that end first",
            f"{LEASE_END_TIMESTAMP.help} Its owner says so in a node annotation.",
            (
                Column(field=NODE, title="Node", link=to_node()),
                Column(field="Value #A", title="Ends at", unit=Unit.TIME),
                Column(field="Value #B", title="In", unit=Unit.DURATION),
            ),
            (f"1000 * bottomk(20, {ends})", f"bottomk(20, {ends} - time())"),
            none="No node says when its lease ends.",
            width=16,
        ),
    )
