"""The container runtime fails to make, start or network containers."""

from datetime import timedelta

from alerts.devices import shown
from alerts.model import Alert, Scenario
from alerts.neighbouring import KUBELET, WINDOW, failing, failures, failures_seen, of_node, rate
from alerts.promql import Series, select
from catalog.labels import NODE
from catalog.neighbours_nodes import RUNTIME_ERRORS, RUNTIME_OPERATIONS

STARTS = ("run_podsandbox", "create_container", "start_container")
FAILED = select(RUNTIME_ERRORS, operation_type=STARTS)
EVERY = select(RUNTIME_OPERATIONS, operation_type=STARTS)
ONE = "run_podsandbox"
DEVICE = of_node(
    f"Container runtime on {shown(NODE)} ({shown('operation_type')})", KUBELET, operation_type=ONE
)

ALERT = Alert(
    name="ContainerRuntimeFailing",
    device=DEVICE,
    expr=failing(FAILED, rate(EVERY, NODE, "operation_type"), NODE, "operation_type"),
    notices=WINDOW,
    hold=timedelta(minutes=5),
    severity="warning",
    summary=f"{DEVICE.title} fails",
    description=(
        f"{DEVICE.title} fails for more than $share of the kubelet's calls. run_podsandbox is the "
        "network plugin as a rule, create_container the NVIDIA hook or a mount, start_container "
        "the image's own entry point. Read the events of a pod on that node."
    ),
    why="Pods that are placed on the node do not start there.",
    first_step="Run kubectl get events for a pod of the node that does not start.",
    thresholds=failures(0.1),
    scenarios=(
        Scenario(
            name="sandboxes get no network",
            signals=failures_seen(Series(RUNTIME_ERRORS.name), Series(RUNTIME_OPERATIONS.name)),
        ),
    ),
)
