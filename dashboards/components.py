"""Device plugins, CSI, network, certificates: whether nodes have what they need, and it works."""

from catalog import neighbours
from dashboards import variables
from dashboards.links import COMPONENTS_UID
from dashboards.model import Board, Chart, Column, Panel, Section, Unit
from dashboards.panels import chart, table
from dashboards.promql import Scope, fleet_scope, increase
from dashboards.sections import certificates, faults, network, plugins
from dashboards.settings import Settings

_NO_STATE = "kube-state-metrics is not scraped, or nothing of the kind runs."
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
        "node that needs them, in one version, and answer in time; which certificates end soon.",
        variables=(variables.cluster(settings),),
        sections=(
            Section(title="Coverage", panels=_coverage(scope)),
            Section(title="Versions and restarts", panels=_versions(scope)),
            plugins.device_plugins(scope),
            plugins.dra_drivers(scope),
            network.runtime(scope),
            certificates.certificates(scope),
            network.calico(scope),
            network.terway(scope),
            network.tunnel(scope),
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
