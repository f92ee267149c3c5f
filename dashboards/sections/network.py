"""How pods get sandbox and network: container runtime, Calico, Terway, the tunnel to the nodes."""

from catalog import neighbours
from catalog import neighbours_nodes as nodes
from catalog import neighbours_shown as shown
from catalog.foreign import Foreign
from catalog.labels import INSTANCE, NODE
from dashboards.links import to_node
from dashboards.model import Chart, Column, Panel, Section, Step, Unit
from dashboards.panels import ANY_BAD, ANY_ODD, bars, chart, table
from dashboards.promql import MILLISECOND, Scope, count, increase, quantile, share_of

_NO_FELIX = "Calico's Felix is not scraped."
_NO_TERWAY = "Terway is not scraped."
_NO_TUNNEL = "No agent of a konnectivity tunnel is scraped."
_IN_SYNC = 3
"""Of Calico's states of knowing what it is to do."""
_STARTS = 'operation_type=~"run_podsandbox|create_container|start_container"'


def runtime(scope: Scope) -> Section:
    """Show whether containers can be made at all."""
    failed, called = (
        f"sum by (operation_type) ({increase(scope.select(metric, _STARTS))})"
        for metric in (nodes.RUNTIME_ERRORS, nodes.RUNTIME_OPERATIONS)
    )
    return Section(
        title="Container runtime",
        panels=(
            chart(
                "Making a pod's sandbox, 95th percentile",
                f"{nodes.SANDBOX.help} Nearly all of it is the network plugin.",
                {"{{runtime_handler}}": quantile(scope, nodes.SANDBOX, 0.95, "runtime_handler")},
                unit=Unit.SECONDS,
                none="No kubelet is scraped, or no pod started in this time range.",
                steps=(Step(value=15, color="orange"),),
            ),
            chart(
                "Calls that failed",
                f"{nodes.RUNTIME_ERRORS.help} Those that make and start containers, by all of "
                "their kind.",
                {"{{operation_type}}": share_of(failed, called)},
                unit=Unit.RATIO,
                none="No kubelet is scraped, or none has had a call fail.",
                steps=(Step(value=0.1, color="red"),),
            ),
        ),
    )


def calico(scope: Scope) -> Section:
    """Show how far Calico does what it should."""
    sync = scope.select(nodes.CALICO_SYNC)
    failures = f"sum by ({NODE}) ({increase(scope.select(neighbours.CALICO_FAILURES))})"
    return Section(
        title="Network (Calico)",
        panels=(
            chart(
                "Pods in the network",
                neighbours.CALICO_ENDPOINTS.help,
                {"all nodes": f"sum({scope.select(neighbours.CALICO_ENDPOINTS)})"},
                none=_NO_FELIX,
                width=8,
            ),
            chart(
                "Nodes not in sync",
                f"{nodes.CALICO_SYNC.help} What is there goes on; new pods get no network.",
                {"nodes": count(f"{sync} < {_IN_SYNC}", sync)},
                none=_NO_FELIX,
                steps=ANY_ODD,
                width=8,
            ),
            table(
                "Nodes whose network could not be updated",
                neighbours.CALICO_FAILURES.help,
                (
                    Column(field=NODE, title="Node", link=to_node()),
                    Column(field="Value", title="Times, lately"),
                ),
                (f"topk(20, {failures} > 0)",),
                none="No update failed, or Calico's Felix is not scraped.",
                width=8,
            ),
        ),
    )


def _failing(scope: Scope, metric: Foreign, by: str) -> str:
    """Return what share of Terway's calls fail, in a histogram that tells them apart."""
    every, failed = (
        f"sum by ({by}) ({increase(scope.select(f'{metric.name}_count', *more))})"
        for more in ((), ('error="true"',))
    )
    return share_of(failed, every)


def terway(scope: Scope) -> Section:
    """Show whether Terway gives pods their network, and what it has left to give."""
    return Section(title="Network (Terway)", panels=(*_terway_calls(scope), *_terway_stock(scope)))


def _terway_calls(scope: Scope) -> tuple[Panel, ...]:
    return (
        chart(
            "Calls, 95th percentile",
            nodes.TERWAY_CALLS.help,
            {
                "{{rpc_api}}": f"{MILLISECOND} * "
                f"{quantile(scope, nodes.TERWAY_CALLS, 0.95, 'rpc_api')}"
            },
            unit=Unit.SECONDS,
            none=_NO_TERWAY,
            width=8,
        ),
        chart(
            "Calls that failed",
            "Share of the calls by which pods get their network, and of Terway's own to the cloud, "
            "that failed.",
            {
                "{{rpc_api}}": _failing(scope, nodes.TERWAY_CALLS, "rpc_api"),
                "cloud: {{api}}": _failing(scope, shown.TERWAY_CLOUD, "api"),
            },
            unit=Unit.RATIO,
            none="No call failed, or Terway is not scraped.",
            steps=(Step(value=0.1, color="red"),),
            width=8,
        ),
        chart(
            "Calls to the cloud, 95th percentile",
            shown.TERWAY_CLOUD.help,
            {"{{api}}": f"{MILLISECOND} * {quantile(scope, shown.TERWAY_CLOUD, 0.95, 'api')}"},
            unit=Unit.SECONDS,
            none="Terway is not scraped, or has called nothing.",
            width=8,
        ),
    )


def _terway_stock(scope: Scope) -> tuple[Panel, ...]:
    total, idle = (
        f"sum by (type) ({scope.select(metric)})"
        for metric in (shown.TERWAY_POOL, shown.TERWAY_IDLE)
    )
    return (
        chart(
            "Addresses and interfaces",
            f"{shown.TERWAY_POOL.help} Idle: {shown.TERWAY_IDLE.help}",
            {"{{type}}": total, "{{type}} idle": idle},
            none=_NO_TERWAY,
            width=24,
        ),
    )


def tunnel(scope: Scope) -> Section:
    """Show the way from the control plane to the nodes: logs, exec, webhooks go through it."""
    failures = increase(scope.select(shown.TUNNEL_FAILURES))
    return Section(
        title="Tunnel to the control plane (konnectivity)",
        panels=(
            bars(
                "Servers that agents are connected to",
                f"{nodes.TUNNEL_CONNECTIONS.help} The fewest; with none an agent is cut off.",
                f"bottomk(15, min by ({INSTANCE}) ({scope.select(nodes.TUNNEL_CONNECTIONS)}))",
                "{{instance}}",
                none=_NO_TUNNEL,
                width=8,
            ),
            chart(
                "Time to reach an end point",
                f"{shown.TUNNEL_DIAL.help} Median and 99th percentile.",
                {
                    "median": quantile(scope, shown.TUNNEL_DIAL, 0.5),
                    "99th percentile": quantile(scope, shown.TUNNEL_DIAL, 0.99),
                },
                unit=Unit.SECONDS,
                none=_NO_TUNNEL,
                width=8,
            ),
            chart(
                "End points not reached",
                f"{shown.TUNNEL_FAILURES.help} Shown: the increase in each window.",
                {"{{reason}}": f"sum by (reason) ({failures})"},
                none="No agent is scraped, or each has reached all that it was asked for.",
                view=Chart(bars=True, stacked=True),
                steps=ANY_BAD,
                width=8,
            ),
        ),
    )
