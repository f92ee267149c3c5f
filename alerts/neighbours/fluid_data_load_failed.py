"""Preloading a Fluid dataset has failed.

Fluid calls the Job of a DataLoad NAME-loader-job. Others may do so too: it counts only in a cluster
whose Fluid tells of datasets.
"""

from datetime import timedelta

from alerts.devices import shown
from alerts.model import Alert, Scenario, Signal
from alerts.neighbouring import STATE, most, of_namespace
from alerts.promql import Series, select
from catalog.labels import CLUSTER, NAMESPACE
from catalog.neighbours import FLUID_SIZE
from catalog.neighbours_nodes import JOB_FAILED

FAILED = Series(JOB_FAILED.name, ('job_name=~".+-loader-job"', 'condition="true"'))
DATASETS = Series(FLUID_SIZE.name)
DEVICE = of_namespace(
    f"Data load {shown(NAMESPACE)}/{shown('job_name')}", STATE, job_name="imagenet-loader-job"
)

ALERT = Alert(
    name="FluidDataLoadFailed",
    device=DEVICE,
    needs_fleet=True,
    expr=f"""
        {most(FAILED, NAMESPACE, "job_name")} == 1
        and on ({CLUSTER})
        {DATASETS}
        """,
    hold=timedelta(minutes=5),
    severity="warning",
    summary=f"{DEVICE.title} has failed",
    description=(
        f"{DEVICE.title} has failed for good; the dataset is cached in part, or not at all. Read "
        "the log of its last pod, mend the cause and create the DataLoad anew."
    ),
    why="Jobs that count on warm data begin cold, on GPUs that wait.",
    first_step="Read the log of the Job's last pod.",
    scenarios=(
        Scenario(
            name="its Job gives up",
            signals=(
                Signal(series=Series(DATASETS.metric, ('dataset="imagenet"',)), healthy=1e12),
                Signal(series=select(JOB_FAILED, condition="true"), healthy=0, below=0, faulty=1),
            ),
        ),
    ),
)
