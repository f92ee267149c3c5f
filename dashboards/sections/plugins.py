"""What gives devices to containers: device plugins and DRA drivers, as kubelets see them."""

from catalog import neighbours
from catalog import neighbours_shown as shown
from catalog.foreign import Foreign
from catalog.labels import NODE
from catalog.neighbours_nodes import NODE_CAPACITY
from dashboards.links import to_node
from dashboards.model import Chart, Column, Panel, Section, Step, Unit
from dashboards.panels import chart, table
from dashboards.promql import Scope, increase, quantile, share_of

_DEVICES = 'resource=~".*(gpu|_mig_|rdma|hca|mellanox|hostdev|sriov|_vf).*"'
_NO_STATE = "kube-state-metrics is not scraped, or no node has such devices."
_NO_DRIVER = "No kubelet is scraped, or none has called a DRA driver."
_SLOW = (Step(value=5, color="orange"),)
"""Seconds, as the alert of slow device plugins has it."""


def device_plugins(scope: Scope) -> Section:
    """Show what device plugins offer, take back, and how fast they answer."""
    return Section(title="Device plugins", panels=(*_offered(scope), *_answering(scope)))


def _offered(scope: Scope) -> tuple[Panel, ...]:
    def by(labels: str, metric: Foreign) -> str:
        return f"sum by ({labels}) ({scope.select(metric, _DEVICES)})"

    each = f"{NODE}, resource"
    missing = f"{by(each, NODE_CAPACITY)} - {by(each, neighbours.ALLOCATABLE)}"
    return (
        chart(
            "Devices that nodes can give",
            f"{neighbours.ALLOCATABLE.help} A fall: a plugin is gone, or calls devices unwell.",
            {"{{resource}}": by("resource", neighbours.ALLOCATABLE)},
            none=_NO_STATE,
        ),
        table(
            "Devices that plugins hold back",
            "Nodes that have more of a resource than they give: the plugin calls the rest unwell. "
            "A node that has none at all has lost its plugin.",
            (
                Column(field=NODE, title="Node", link=to_node()),
                Column(field="resource", title="Resource"),
                Column(field="Value", title="Held back"),
            ),
            (f"topk(20, {missing} > 0)",),
            none="No plugin calls a device unwell, or kube-state-metrics is not scraped.",
            width=12,
        ),
    )


def _answering(scope: Scope) -> tuple[Panel, ...]:
    registered = increase(scope.select(neighbours.PLUGIN_REGISTRATIONS))
    return (
        chart(
            "Giving devices, 99th percentile",
            neighbours.PLUGIN_ALLOCATION.help,
            {
                "{{resource_name}}": quantile(
                    scope, neighbours.PLUGIN_ALLOCATION, 0.99, "resource_name"
                )
            },
            unit=Unit.SECONDS,
            none="No kubelet is scraped, or no container asked for devices.",
            steps=_SLOW,
        ),
        chart(
            "Registrations",
            f"{neighbours.PLUGIN_REGISTRATIONS.help} Shown: the increase in each window.",
            {"{{resource_name}}": f"sum by (resource_name) ({registered})"},
            none="No kubelet is scraped.",
            view=Chart(bars=True, stacked=True),
        ),
    )


def dra_drivers(scope: Scope) -> Section:
    """Show how kubelets fare with DRA drivers."""
    call = "driver_name, method_name"
    calls, failed = (
        f"sum by ({call}) ({increase(scope.select(f'{shown.DRA_CALLS.name}_count', *more))})"
        for more in ((), ('grpc_status_code!="OK"',))
    )
    return Section(
        title="DRA drivers",
        panels=(
            chart(
                "Calls, 95th percentile",
                shown.DRA_CALLS.help,
                {
                    "{{driver_name}} {{method_name}}": quantile(
                        scope, shown.DRA_CALLS, 0.95, "driver_name", "method_name"
                    )
                },
                unit=Unit.SECONDS,
                none=_NO_DRIVER,
            ),
            chart(
                "Calls that failed",
                "Share of a kubelet's calls to a DRA driver whose gRPC status is not OK.",
                {"{{driver_name}} {{method_name}}": share_of(failed, calls)},
                unit=Unit.RATIO,
                none="No call failed, or no kubelet is scraped.",
            ),
            chart(
                "Preparing a pod's claims, 95th percentile",
                shown.DRA_OPERATIONS.help,
                {
                    "{{operation_name}}": quantile(
                        scope, shown.DRA_OPERATIONS, 0.95, "operation_name"
                    )
                },
                unit=Unit.SECONDS,
                none=_NO_DRIVER,
            ),
            chart(
                "Claims in use",
                shown.DRA_CLAIMS.help,
                {"{{driver_name}}": f"sum by (driver_name) ({scope.select(shown.DRA_CLAIMS)})"},
                none=_NO_DRIVER,
            ),
        ),
    )
