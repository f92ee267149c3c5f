"""The choices at the top of dashboards; one of a name means the same everywhere."""

from catalog import fleet as recorded
from catalog.exporter import EXPORTER_BUILD_INFO
from catalog.gpu import GPU_STATE
from catalog.labels import CLUSTER, DEVICE, GPU, LINE, NODE
from catalog.rdma import RDMA_PORT_STATE
from catalog.uplink import CAPACITY
from dashboards.links import NAMESPACE, WORKLOAD
from dashboards.model import Variable
from dashboards.promql import Scope
from dashboards.settings import Settings

RAIL = "rail"


def chosen(variable: str) -> str:
    """Return the matcher of a variable that may have several values."""
    return f'{variable}=~"${variable}"'


def cluster(settings: Settings) -> Variable:
    """Return the choice of clusters; All also matches series without the label."""
    query = f"label_values({EXPORTER_BUILD_INFO.name}, {settings.cluster_label})"
    return Variable(name=CLUSTER, title="Cluster", query=query, many=True)


def node(fleet: Scope) -> Variable:
    """Return the choice of one node among those whose exporter was seen in the time range."""
    query = f"label_values({fleet.select(EXPORTER_BUILD_INFO)}, {NODE})"
    return Variable(name=NODE, title="Node", query=query)


def gpu(scope: Scope) -> Variable:
    """Return the choice of the node's GPUs, by index."""
    query = f"label_values({scope.select(GPU_STATE)}, {GPU})"
    return Variable(name=GPU, title="GPU", query=query, many=True)


def device(scope: Scope) -> Variable:
    """Return the choice of the node's RDMA devices."""
    query = f"label_values({scope.select(RDMA_PORT_STATE)}, {DEVICE})"
    return Variable(name=DEVICE, title="RDMA device", query=query, many=True)


def namespace(scope: Scope) -> Variable:
    """Return the choice of namespaces that hold GPUs."""
    query = f"label_values({scope.select(recorded.GPU_USE)}, {NAMESPACE})"
    return Variable(name=NAMESPACE, title="Namespace", query=query, many=True)


def workload(scope: Scope) -> Variable:
    """Return the choice of workloads in the namespaces chosen."""
    selector = scope.select(recorded.POD_WORKLOAD, chosen(NAMESPACE))
    query = f"label_values({selector}, {WORKLOAD})"
    return Variable(name=WORKLOAD, title="Workload", query=query, many=True)


def rail(scope: Scope) -> Variable:
    """Return the choice of rails; All also matches ports of no known rail."""
    query = f"label_values({scope.select(recorded.RAIL_PORTS)}, {RAIL})"
    return Variable(name=RAIL, title="Rail", query=query, many=True)


def line(scope: Scope) -> Variable:
    """Return the choice of dedicated lines."""
    return Variable(
        name=LINE,
        title="Line",
        query=f"label_values({scope.select(CAPACITY)}, {LINE})",
        many=True,
    )
