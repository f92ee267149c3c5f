"""railwatch itself: whether it sees, judges and acts, and what that costs."""

from catalog import fleet as recorded
from catalog.bridge import (
    API_FAILURES,
    CYCLE_DURATION,
    CYCLE_FAILURES,
    CYCLE_TIMESTAMP,
    DECISION_LOG_LINES,
    SOURCE_ERRORS,
    SOURCE_UP,
    WEBHOOKS,
)
from catalog.bridge import BUILD_INFO as BRIDGE_INFO
from catalog.exporter import (
    EXPORTER_BUILD_INFO,
    EXPORTER_DUPLICATES,
    EXPORTER_WORKER_FAILURES,
    NODE_KERNEL_LOG_LOST,
)
from catalog.scheduler import BUILD_INFO as SCHEDULER_INFO
from catalog.scheduler import CACHE_NODES, WATCH_FAILURES
from dashboards import variables
from dashboards.links import SELF_UID
from dashboards.model import Board, Chart, Column, Panel, Section, Step, Unit
from dashboards.panels import ANY_ODD, chart, figure, table
from dashboards.promql import Scope, fleet_scope, increase, quantile
from dashboards.sections import faults
from dashboards.settings import Settings
from dashboards.states import COVERAGE_COLORS

_NO_EXPORTER = "No exporter is scraped."
_NO_BRIDGE = "No bridge is scraped."
_NO_SCHEDULER = "No railwatch-scheduler is scraped."


def dashboard(settings: Settings) -> Board:
    """Describe the dashboard of railwatch itself."""
    scope = fleet_scope(settings)
    return Board(
        uid=SELF_UID,
        title="railwatch / Itself",
        description="Whether exporters see, Prometheus judges, the bridge decides and the "
        "scheduler knows, and which versions run.",
        variables=(variables.cluster(settings),),
        sections=(
            Section(title="Now", panels=_now(scope)),
            Section(title="Exporters", panels=_exporters(scope)),
            Section(title="Bridge", panels=_bridge(scope)),
            Section(title="Scheduler", panels=_scheduler(scope)),
        ),
        annotations=(faults.fleet_annotation(scope),),
    )


def _coverage(scope: Scope, coverage: str) -> str:
    return f"sum({scope.select(recorded.NODES, f'coverage={chr(34)}{coverage}{chr(34)}')})"


def _now(scope: Scope) -> tuple[Panel, ...]:
    last = f"time() - max({scope.select(CYCLE_TIMESTAMP)})"
    return (
        figure(
            "Nodes seen whole",
            "Nodes of which every facility that they have is observed.",
            _coverage(scope, recorded.COVERED),
            none="no exporter",
        ),
        figure(
            "Nodes partly blind",
            "Nodes whose exporter answers and of which a facility is not observed.",
            _coverage(scope, recorded.BLIND),
            none="no exporter",
            steps=ANY_ODD,
            trend=True,
        ),
        figure(
            "Exporters silent",
            "Nodes whose exporter does not answer.",
            _coverage(scope, recorded.SILENT),
            none="no exporter",
            steps=ANY_ODD,
            trend=True,
        ),
        figure(
            "Since the bridge's last cycle",
            CYCLE_TIMESTAMP.help,
            last,
            unit=Unit.SECONDS,
            none="no bridge",
            steps=(Step(value=60, color="orange"), Step(value=300, color="red")),
        ),
        figure(
            "Sources that answer",
            SOURCE_UP.help,
            f"avg({scope.select(SOURCE_UP)})",
            unit=Unit.RATIO,
            none="no bridge",
        ),
        figure(
            "Nodes that the scheduler knows",
            CACHE_NODES.help,
            f"max({scope.select(CACHE_NODES)})",
            none="no scheduler",
        ),
    )


def _exporters(scope: Scope) -> tuple[Panel, ...]:
    versions = " or ".join(
        f'label_replace(count by (version) ({scope.select(info)}), "program", "{name}", "", "")'
        for info, name in (
            (EXPORTER_BUILD_INFO, "exporter"),
            (BRIDGE_INFO, "bridge"),
            (SCHEDULER_INFO, "scheduler"),
        )
    )
    by_facility = scope.select(recorded.COLLECTORS, 'state!~"ok|absent"')
    return (
        chart(
            "Nodes by what is seen of them",
            recorded.NODES.help,
            {"{{coverage}}": f"sum by (coverage) ({scope.select(recorded.NODES)})"},
            none=_NO_EXPORTER,
            view=Chart(stacked=True, fixed=COVERAGE_COLORS),
        ),
        chart(
            "Collectors that do not read",
            "Collectors by how many nodes they do not read on though there is something to read.",
            {
                "{{family}}/{{facility}}: {{state}}": f"sum by (family, facility, state) "
                f"({by_facility}) > 0"
            },
            none="Every collector reads what there is.",
            view=Chart(stacked=True),
        ),
        chart(
            "Workers that did not end their cycle",
            f"{EXPORTER_WORKER_FAILURES.help} Shown: the increase in each window.",
            {
                "{{family}}: {{cause}}": f"sum by (family, cause) "
                f"({increase(scope.select(EXPORTER_WORKER_FAILURES))})"
            },
            none="No worker ever failed.",
            view=Chart(bars=True, stacked=True),
            width=8,
        ),
        chart(
            "Kernel log and series lost",
            f"{NODE_KERNEL_LOG_LOST.help} {EXPORTER_DUPLICATES.help} Shown: the increase.",
            {
                "log records": f"sum({increase(scope.select(NODE_KERNEL_LOG_LOST))})",
                "duplicates": f"sum({increase(scope.select(EXPORTER_DUPLICATES))})",
            },
            none=_NO_EXPORTER,
            width=8,
        ),
        table(
            "Versions",
            "Programs that run, by version.",
            (
                Column(field="program", title="Program"),
                Column(field="version", title="Version"),
                Column(field="Value", title="Replicas"),
            ),
            (versions,),
            none="Nothing of railwatch is scraped.",
            width=8,
        ),
    )


def _bridge(scope: Scope) -> tuple[Panel, ...]:
    return (
        chart(
            "Duration of a cycle",
            f"{CYCLE_DURATION.help} Median and 99th percentile.",
            {
                "median": quantile(scope, CYCLE_DURATION, 0.5),
                "99th percentile": quantile(scope, CYCLE_DURATION, 0.99),
            },
            unit=Unit.SECONDS,
            none=_NO_BRIDGE,
            width=8,
        ),
        chart(
            "Sources that did not answer",
            f"{SOURCE_ERRORS.help} Shown: the increase in each window.",
            {
                "{{kind}} {{source}}": f"sum by (kind, source) "
                f"({increase(scope.select(SOURCE_ERRORS))})"
            },
            none=_NO_BRIDGE,
            view=Chart(bars=True, stacked=True),
            width=8,
        ),
        chart(
            "Requests to the kube-apiserver not done",
            f"{API_FAILURES.help} Shown: the increase in each window.",
            {"{{kind}}": f"sum by (kind) ({increase(scope.select(API_FAILURES))})"},
            none=_NO_BRIDGE,
            view=Chart(bars=True, stacked=True),
            width=8,
        ),
        chart(
            "Cycles given up",
            f"{CYCLE_FAILURES.help} Shown: the increase in each window.",
            {"{{kind}}": f"sum by (kind) ({increase(scope.select(CYCLE_FAILURES))})"},
            none=_NO_BRIDGE,
            view=Chart(bars=True, stacked=True),
            width=8,
        ),
        chart(
            "Webhook requests",
            f"{WEBHOOKS.help} Shown: the increase in each window.",
            {"{{result}}": f"sum by (result) ({increase(scope.select(WEBHOOKS))})"},
            none=_NO_BRIDGE,
            view=Chart(bars=True, stacked=True),
            width=8,
        ),
        chart(
            "Decision log",
            f"{DECISION_LOG_LINES.help} Shown: the increase in each window.",
            {"{{result}}": f"sum by (result) ({increase(scope.select(DECISION_LOG_LINES))})"},
            none="No bridge writes a decision log.",
            view=Chart(bars=True, stacked=True),
            width=8,
        ),
    )


def _scheduler(scope: Scope) -> tuple[Panel, ...]:
    return (
        chart(
            "Lists and watches that failed",
            f"{WATCH_FAILURES.help} Shown: the increase in each window.",
            {"{{reason}}": f"sum by (reason) ({increase(scope.select(WATCH_FAILURES))})"},
            none=_NO_SCHEDULER,
            view=Chart(bars=True, stacked=True),
            width=24,
            height=6,
        ),
    )
