"""Device plugins, CSI, network and operators: whether they run on every node that needs them."""

from catalog import neighbours
from catalog.labels import NODE
from dashboards import variables
from dashboards.links import COMPONENTS_UID, to_node
from dashboards.model import Board, Chart, Column, Panel, Section, Step, Unit
from dashboards.panels import chart, table
from dashboards.promql import Scope, fleet_scope, increase, quantile
from dashboards.sections import faults
from dashboards.settings import Settings

_NO_STATE = "kube-state-metrics is not scraped, or nothing of the kind runs."
_NO_KUBELET = "No kubelet is scraped."
_KINDS = (
    ".*(gpu|nvidia|dcgm|device-plugin|rdma|sriov|multus|csi|calico|cilium|terway|flannel"
    "|node-feature|network-operator|railwatch|kueue|volcano|fluid|juicefs|dragonfly|nydus).*"
)
"""Names by which the components are known; others of a cluster's workloads are no business here."""


def dashboard(settings: Settings) -> Board:
    """Describe the dashboard of components."""
    scope = fleet_scope(settings)
    return Board(
        uid=COMPONENTS_UID,
        title="railwatch / Components",
        description="Device plugins, CSI drivers, network and operators: whether they run on every "
        "node that needs them, in one version, and answer in time.",
        variables=(variables.cluster(settings),),
        sections=(
            Section(title="Coverage", panels=_coverage(scope)),
            Section(title="Versions and restarts", panels=_versions(scope)),
            Section(title="Device plugins", panels=_plugins(scope)),
            Section(title="Network (Calico)", panels=_network(scope)),
        ),
        annotations=(faults.fleet_annotation(scope),),
    )


_DAEMONSETS = f'daemonset=~"{_KINDS}"'
_DEPLOYMENTS = f'deployment=~"{_KINDS}"'
_CONTAINERS = f'container=~"{_KINDS}"'


def _coverage(scope: Scope) -> tuple[Panel, ...]:
    daemonset = "namespace, daemonset"
    deployment = "namespace, deployment"
    desired, ready, updated = (
        f"sum by ({daemonset}) ({scope.select(metric, _DAEMONSETS)})"
        for metric in (
            neighbours.DAEMONSET_DESIRED,
            neighbours.DAEMONSET_READY,
            neighbours.DAEMONSET_UPDATED,
        )
    )
    return (
        table(
            "On every node",
            "DaemonSets: on how many nodes a pod should run, is ready, and has the current "
            "version.",
            (
                Column(field="namespace", title="Namespace"),
                Column(field="daemonset", title="DaemonSet"),
                Column(field="Value #A", title="Nodes"),
                Column(field="Value #B", title="Ready"),
                Column(field="Value #C", title="Current"),
            ),
            (desired, ready, updated),
            none=_NO_STATE,
            width=12,
            height=10,
        ),
        table(
            "Controllers",
            "Deployments: how many replicas there should be, and are available.",
            (
                Column(field="namespace", title="Namespace"),
                Column(field="deployment", title="Deployment"),
                Column(field="Value #A", title="Replicas"),
                Column(field="Value #B", title="Available"),
            ),
            tuple(
                f"sum by ({deployment}) ({scope.select(metric, _DEPLOYMENTS)})"
                for metric in (neighbours.DEPLOYMENT_REPLICAS, neighbours.DEPLOYMENT_AVAILABLE)
            ),
            none=_NO_STATE,
            width=12,
            height=10,
        ),
        chart(
            "Share of nodes covered",
            "Nodes on which each DaemonSet's pod is ready, by those on which it should run.",
            {"{{daemonset}}": f"{ready} / ({desired} > 0)"},
            unit=Unit.RATIO,
            none=_NO_STATE,
            view=Chart(maximum=1),
            width=24,
        ),
    )


def _versions(scope: Scope) -> tuple[Panel, ...]:
    info = scope.select(neighbours.CONTAINER_INFO, _CONTAINERS)
    restarts = increase(scope.select(neighbours.RESTARTS, _CONTAINERS))
    return (
        table(
            "Versions",
            "Images that containers run; two for one container mean a roll-out that has not ended.",
            (
                Column(field="namespace", title="Namespace"),
                Column(field="container", title="Container"),
                Column(field="image", title="Image"),
                Column(field="Value", title="Pods"),
            ),
            (f"count by (namespace, container, image) ({info})",),
            none=_NO_STATE,
            width=12,
            height=9,
        ),
        chart(
            "Restarts",
            f"{neighbours.RESTARTS.help} Shown: the increase in each window.",
            {"{{namespace}}/{{container}}": f"sum by (namespace, container) ({restarts}) > 0"},
            none="No container was started again, or kube-state-metrics is not scraped.",
            view=Chart(bars=True, stacked=True),
            height=9,
        ),
    )


def _plugins(scope: Scope) -> tuple[Panel, ...]:
    devices = 'resource=~".*(gpu|rdma|hca).*"'
    return (
        chart(
            "Devices that nodes can give",
            f"{neighbours.ALLOCATABLE.help} A fall: a plugin is gone, or calls devices unwell.",
            {
                "{{resource}}": f"sum by (resource) "
                f"({scope.select(neighbours.ALLOCATABLE, devices)})"
            },
            none=_NO_STATE,
            width=8,
        ),
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
            steps=(Step(value=5, color="orange"),),
            width=8,
        ),
        chart(
            "Registrations",
            f"{neighbours.PLUGIN_REGISTRATIONS.help} Shown: the increase in each window.",
            {
                "{{resource_name}}": f"sum by (resource_name) "
                f"({increase(scope.select(neighbours.PLUGIN_REGISTRATIONS))})"
            },
            none=_NO_KUBELET,
            view=Chart(bars=True, stacked=True),
            width=8,
        ),
    )


def _network(scope: Scope) -> tuple[Panel, ...]:
    failures = f"sum by ({NODE}) ({increase(scope.select(neighbours.CALICO_FAILURES))})"
    return (
        chart(
            "Pods in the network",
            neighbours.CALICO_ENDPOINTS.help,
            {"all nodes": f"sum({scope.select(neighbours.CALICO_ENDPOINTS)})"},
            none="Calico's Felix is not scraped.",
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
            width=12,
        ),
    )
