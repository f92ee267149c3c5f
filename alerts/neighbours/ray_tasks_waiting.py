"""Tasks of a Ray cluster wait although it has a GPU free."""

from datetime import timedelta

from alerts.devices import shown
from alerts.model import Alert, At, Scenario, Signal, Threshold
from alerts.neighbouring import OWN_GUESS, of_namespace, summed
from alerts.promql import Series, select
from catalog.labels import NAMESPACE
from catalog.neighbours_jobs import RAY_RESOURCES, RAY_TASKS

WAIT = select(RAY_TASKS, State="PENDING_NODE_ASSIGNMENT")
FREE = select(RAY_RESOURCES, Name="GPU", State="AVAILABLE")
KEYS = (NAMESPACE, "SessionName")
DEVICE = of_namespace(
    f"Ray session {shown('SessionName')} in {shown(NAMESPACE)}", "ray", SessionName="session_1"
)

ALERT = Alert(
    name="RayTasksWaiting",
    device=DEVICE,
    needs_fleet=True,
    expr=f"""
        {summed(str(WAIT), *KEYS)} > 0
        and
        {summed(str(FREE), *KEYS)} >= $gpus
        """,
    hold=timedelta(minutes=30),
    severity="info",
    summary=f"Tasks of {DEVICE.title} wait although GPUs are free",
    description=(
        f"Tasks of {DEVICE.title} have found no node for half an hour while $gpus GPUs or more "
        "of the cluster are unused: they want more CPUs or memory than any node has left, or a "
        "placement group that does not fit. Look at ray status."
    ),
    why="GPUs are held by the Ray cluster and idle.",
    first_step="Run ray status in the head pod and read Demands.",
    thresholds=(
        Threshold(name="gpus", default=1, meaning="GPUs that are free.", source=OWN_GUESS),
    ),
    scenarios=(
        Scenario(
            name="they want more CPUs than are left",
            signals=(
                Signal(
                    series=Series(WAIT.metric, (*WAIT.matchers, 'Name="train"')),
                    healthy=0,
                    below=4,
                    faulty=4,
                ),
                Signal(
                    series=FREE,
                    healthy=8,
                    below=At(threshold="gpus", plus=-1),
                    faulty=At(threshold="gpus"),
                ),
            ),
        ),
    ),
)
