"""From a workload to its pods' GPUs, and from those to the NICs near them: the joins."""

from catalog import fleet as recorded
from catalog.gpu_allocation import GPU_ALLOCATION
from catalog.labels import DEVICE, GPU, UUID
from catalog.topology import RDMA_GPU_AFFINITY
from dashboards.links import NAMESPACE, WORKLOAD
from dashboards.promql import Scope
from dashboards.variables import chosen

POD = (NAMESPACE, "pod", WORKLOAD)


def gpus(scope: Scope, *more: str) -> str:
    """Return 1 for each GPU and pod of the workloads chosen that holds it, or a part of it."""
    pod = f"({scope.cluster}, {NAMESPACE}, pod)"
    of = f"max by ({scope.cluster}, {', '.join(POD)}) ({_chosen(scope)})"
    held = scope.select(GPU_ALLOCATION, chosen(NAMESPACE), *more)
    by = scope.labels(UUID, GPU, *POD)
    return f"max by {by} ({held} * on {pod} group_left ({WORKLOAD}) {of} > bool 0)"


def _chosen(scope: Scope) -> str:
    return scope.select(recorded.POD_WORKLOAD, chosen(NAMESPACE), chosen(WORKLOAD))


def of_gpus(scope: Scope, series: str) -> str:
    """Return a value of each GPU, with the pods of the workloads chosen that hold it."""
    on = scope.labels(UUID)
    return f"{gpus(scope)} * on {on} group_left () max by {on} ({series})"


def nics(scope: Scope) -> str:
    """Return 1 for each RDMA device that is near a GPU that a pod has for itself alone."""
    on = scope.labels(UUID)
    near = f"max by {scope.labels(UUID, DEVICE)} ({scope.select(RDMA_GPU_AFFINITY)})"
    whole = f"max by {scope.labels(UUID, *POD)} ({gpus(scope, _WHOLE)})"
    joined = f"{near} * on {on} group_left ({', '.join(POD)}) {_once(scope, whole)}"
    return f"max by {scope.labels(DEVICE, *POD)} ({joined})"


_WHOLE = 'mig=""'


def _once(scope: Scope, held: str) -> str:
    """Leave out GPUs that several pods share: nobody can say whose traffic their NIC's is."""
    on = scope.labels(UUID)
    return f"({held} unless on {on} count by {on} ({held}) > 1)"


def of_nics(scope: Scope, series: str) -> str:
    """Return a value of each RDMA device, with the pods whose GPUs are near it."""
    on = scope.labels(DEVICE)
    return f"{nics(scope)} * on {on} group_left () sum by {on} ({series})"
