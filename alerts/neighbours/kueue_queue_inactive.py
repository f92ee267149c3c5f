"""A Kueue queue admits nothing."""

from datetime import timedelta

from alerts.devices import shown
from alerts.model import Alert, Scenario, Signal
from alerts.neighbouring import about, most
from alerts.promql import select
from catalog.neighbours_jobs import KUEUE_STATUS

QUEUE = "cluster_queue"
ACTIVE = select(KUEUE_STATUS, status="active")
GOING = select(KUEUE_STATUS, status="terminating")
DEVICE = about(f"ClusterQueue {shown(QUEUE)}", "kueue", {QUEUE: "research"}, {QUEUE: "production"})

ALERT = Alert(
    name="KueueQueueInactive",
    device=DEVICE,
    needs_fleet=True,
    expr=f"""
        {most(ACTIVE, QUEUE)} == 0
        unless
        {most(GOING, QUEUE)} == 1
        """,
    hold=timedelta(minutes=15),
    severity="warning",
    summary=f"{DEVICE.title} admits nothing",
    description=(
        f"{DEVICE.title} is not active: a ResourceFlavor or AdmissionCheck that it names is "
        "missing, or it was stopped. Its condition Active says which."
    ),
    why="No workload of the queue starts, and nobody can borrow its quota.",
    first_step="Run kubectl describe clusterqueue and read the condition Active.",
    scenarios=(
        Scenario(
            name="a flavour was deleted",
            signals=(
                Signal(series=GOING, healthy=0, below=1, faulty=0),
                Signal(series=ACTIVE, healthy=1, below=0, faulty=0),
            ),
        ),
    ),
)
