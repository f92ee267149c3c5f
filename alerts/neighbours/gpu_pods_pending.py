"""Pods wait for GPUs that are free.

A pod counts only while the scheduler has found no place for it (one that is gated has not been
tried), and only if some ready node, neither cordoned nor fenced by railwatch, has at least as many
GPUs unasked for as it wants.
"""

from datetime import timedelta

from alerts.devices import shown
from alerts.free import GPUS, HAS, POD_KEYS, READY, on_nodes
from alerts.model import Alert, Moment, Scenario, Signal, Threshold
from alerts.neighbouring import OWN_GUESS, STATE, of_namespace, summed
from alerts.promql import Series
from catalog.labels import CLUSTER, NAMESPACE, POD
from catalog.neighbours import ALLOCATABLE
from catalog.neighbours_nodes import POD_PHASE, POD_REQUESTS, POD_UNSCHEDULABLE

DEVICE = of_namespace(f"Namespace {shown(NAMESPACE)}", STATE)


def _ask(pod: str, **where: str) -> Series:
    """Return what a container of a pod asks for; a node stands for being bound to it."""
    matchers = (f'pod="{pod}"', 'container="train"', *(f'{k}="{v}"' for k, v in where.items()))
    return Series(POD_REQUESTS.name, (*GPUS.matchers, *matchers))


WAITS = Series(POD_UNSCHEDULABLE.name, ('pod="waits"',))
FREE_NODE = Series(ALLOCATABLE.name, (*HAS.matchers, 'node="gpu-9"'))
RUNS = Series(POD_PHASE.name, ('namespace="other"', 'pod="runs"', 'phase="Running"'))

ALERT = Alert(
    name="GpuPodsPending",
    device=DEVICE,
    needs_fleet=True,
    expr=f"""
        count by ({CLUSTER}, {NAMESPACE}) (
          (
            {summed(str(GPUS), NAMESPACE, POD)}
            and on ({POD_KEYS}) {Series(POD_UNSCHEDULABLE.name)} == 1
          )
          <= on ({CLUSTER}) group_left ()
          max by ({CLUSTER}) (
            {on_nodes()}
          )
        ) >= $pods
        """,
    hold=timedelta(minutes=30),
    severity="warning",
    summary=f"Pods of {DEVICE.title} wait for GPUs although GPUs are free",
    description=(
        f"In {DEVICE.title} at least $pods pods have found no place for half an hour, though a "
        "ready node has as many GPUs free as one of them wants. Look at what the scheduler says: "
        "node selector, taint, volume, CPU, memory or "
        "the rest of a gang keeps them off, not the number of GPUs."
    ),
    why="GPUs that are paid for stand idle beside work that wants them.",
    first_step="Run kubectl describe pod on one of them and read its last FailedScheduling.",
    thresholds=(Threshold(name="pods", default=1, meaning="Pods that wait.", source=OWN_GUESS),),
    scenarios=(
        Scenario(
            name="a node is free, and something else keeps the pod off",
            signals=(
                Signal(series=_ask("waits"), healthy=8),
                Signal(
                    series=WAITS,
                    healthy=Moment.GONE,
                    below=1,
                    faulty=1,
                ),
                Signal(series=FREE_NODE, healthy=8),
                Signal(series=Series(READY.metric, (*READY.matchers, 'node="gpu-9"')), healthy=1),
                Signal(
                    series=_ask("runs", namespace="other", node="gpu-9"),
                    healthy=8,
                    below=4,
                    faulty=0,
                ),
                Signal(series=RUNS, healthy=1),
            ),
        ),
    ),
)
